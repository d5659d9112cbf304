#pragma once

#include <cstdint>

#include "data/image.h"
#include "data/orientation.h"

namespace cnn {

/// Puts the interleaved rows that come out of a decoder upright and into planes.
class UprightImage {
 public:
  /// components: bytes of a stored pixel: grey, grey and alpha, RGB, RGB and alpha. Alpha is left out.
  UprightImage(int components, int stored_height, int stored_width, int orientation);
  /// The stored rows are a part of an image of this size, see Reduction.
  void is_reduced(int factor, int stored_full_height, int stored_full_width);

  /// Stored rows first .. first + count - 1, without gaps.
  void put(const std::uint8_t* rows, int first, int count);
  /// The image, after all rows were put.
  Image take() { return std::move(image_); }

 private:
  int components_, height_, width_, orientation_;
  Upright upright_;
  Image image_;
};

}  // namespace cnn
