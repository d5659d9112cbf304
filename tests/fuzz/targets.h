#pragma once

#include <span>
#include <string_view>

namespace cnn::fuzz {

/// A part of the program that reads what others wrote. `run` gives it one input: an Error is a good answer; a
/// crash, another exception or a broken promise (CNN_CHECK) is a finding.
struct Target {
  std::string_view name;
  void (*run)(std::string_view input);
};

/// `image` (any format), one target for each format that has a decoder of its own, `idx`, `cifar10`.
std::span<const Target> data_targets();
/// `config`, `safetensors`, `checkpoint`.
std::span<const Target> model_targets();

}  // namespace cnn::fuzz
