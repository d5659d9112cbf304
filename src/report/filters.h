#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace cnn {

/// The weights of a layer that reads the image: a kernel for each of `count` outputs.
struct Filters {
  std::string layer;
  bool is_convolution = false;
  int count = 0, channels = 0, height = 0, width = 0;
  std::span<const float> weights;  ///< [count][channels][height][width]
};

/// Filters that are drawn, at most.
inline constexpr int kMostFilters = 128;

/// Every filter as a small picture: grey is 0, white the largest weight of the layer, black its negative;
/// three channels are shown as colors.
std::string filters_part(const Filters& filters);

}  // namespace cnn
