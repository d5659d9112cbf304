#pragma once

#include <cstdint>

namespace cnn {

/// Images side by side in the innermost dimension: every activation is stored for 16 images at once, so that
/// a vector register holds the same pixel of 16 images.
inline constexpr int kLanes = 16;

/// Blocks of 16 images that hold `images` images; the last one may have empty lanes.
constexpr int blocks_of(std::int64_t images) { return static_cast<int>((images + kLanes - 1) / kLanes); }

/// The activations of one block: x[c][h][w][16]. A *pixel* is 16 floats, one per image, 64-byte aligned.
/// `data` points at pixel (0, 0, 0); a border of zeros (the halo) may lie around every map, so rows and
/// planes have pitches of their own, in pixels.
template <class T>
struct BlockView {
  T* data = nullptr;
  int c = 0, h = 0, w = 0;
  int row = 0;             ///< pixels from one row to the next
  std::int64_t plane = 0;  ///< pixels from one channel to the next

  T* at(int channel, int y, int x) const {
    return data + (channel * plane + std::int64_t{y} * row + x) * kLanes;
  }
  bool empty() const { return data == nullptr; }
  /// No halo: the pixels lie one after the other.
  bool contiguous() const { return row == w && plane == std::int64_t{h} * w; }
  std::int64_t pixels() const { return std::int64_t{c} * h * w; }
  /// The channels, or the rows of all channels, [first, end), as a view of their own.
  BlockView channels(int first, int end) const { return {at(first, 0, 0), end - first, h, w, row, plane}; }
  BlockView rows(int first, int end) const { return {at(0, first, 0), c, end - first, w, row, plane}; }
  operator BlockView<const T>() const { return {data, c, h, w, row, plane}; }
};

}  // namespace cnn
