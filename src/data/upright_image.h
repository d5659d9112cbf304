#pragma once

#include <cstdint>

#include "data/image.h"
#include "data/orientation.h"

namespace cnn {

/// Puts the interleaved rows that come out of a decoder upright and into planes.
class UprightImage {
 public:
  /// components: values of a stored pixel: grey, grey and alpha, RGB, RGB and alpha.
  UprightImage(int components, int stored_height, int stored_width, int orientation);
  /// The stored rows are a part of an image of this size, see Reduction.
  void is_reduced(int factor, int stored_full_height, int stored_full_width);

  /// Stored rows first .. first + count - 1, without gaps. All rows are of the same kind: bytes, or 16 bits.
  /// Alpha goes into Image::alpha, and is 0 where nothing is put.
  void put(const std::uint8_t* rows, int first, int count);
  void put(const std::uint16_t* rows, int first, int count);
  /// The image, after all rows were put.
  Image take() { return std::move(image_); }

 private:
  template <class Value>
  void put_into(std::vector<Value>& planes, const Value* rows, int first, int count);

  int components_, height_, width_, orientation_;
  Upright upright_;
  Image image_;
};

}  // namespace cnn
