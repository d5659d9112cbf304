#pragma once

#include <cstdint>
#include <string>

namespace cnn {

/// Height and width of a kernel, a stride, a padding, a map.
struct Size2 {
  int h = 1, w = 1;
  friend bool operator==(const Size2&, const Size2&) = default;
};

/// What one image is at one place in the network: c maps of h x w values. A flat shape is a vector of c
/// values (h = w = 1): what flatten and dense put out.
struct Shape {
  int c = 0, h = 1, w = 1;
  bool flat = false;

  /// Values for one image.
  std::int64_t values() const { return std::int64_t{c} * h * w; }
  friend bool operator==(const Shape&, const Shape&) = default;
};

/// "6x28x28", or "120" for a flat one.
std::string to_string(const Shape& shape);

/// "5x5".
std::string to_string(Size2 size);

}  // namespace cnn
