#pragma once

#include <memory>
#include <optional>

#include "nn/shape.h"

namespace cnn {

class Layer;

/// Largest value of each window; padding never wins.
struct MaxPoolSpec {
  Size2 kernel_size;
  std::optional<Size2> stride;  ///< default: kernel_size
  Size2 padding{0, 0};          ///< at most half the kernel
  friend bool operator==(const MaxPoolSpec&, const MaxPoolSpec&) = default;
};

/// Mean of each window.
struct AvgPoolSpec {
  Size2 kernel_size;
  std::optional<Size2> stride;  ///< default: kernel_size
  Size2 padding{0, 0};          ///< at most half the kernel
  bool count_include_pad = true;
  friend bool operator==(const AvgPoolSpec&, const AvgPoolSpec&) = default;
};

/// Mean of each map: c x h x w -> c x 1 x 1.
struct GlobalAvgPoolSpec {
  friend bool operator==(const GlobalAvgPoolSpec&, const GlobalAvgPoolSpec&) = default;
};

std::unique_ptr<Layer> make_layer(const MaxPoolSpec& spec);
std::unique_ptr<Layer> make_layer(const AvgPoolSpec& spec);
std::unique_ptr<Layer> make_layer(const GlobalAvgPoolSpec& spec);

}  // namespace cnn
