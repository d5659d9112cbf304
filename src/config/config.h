#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/data_spec.h"
#include "nn/network_spec.h"
#include "train/training_spec.h"

namespace cnn {

/// A whole config, checked key by key and value by value. What needs the shapes (does a kernel fit its
/// input?) is checked by Network, which throws a SpecError that Document::explain() turns into
/// file:line:column.
struct Config {
  std::string name;
  std::uint64_t seed = 1;
  DataSpec data;
  NetworkSpec network;
  TrainingSpec training;
  friend bool operator==(const Config&, const Config&) = default;
};

}  // namespace cnn
