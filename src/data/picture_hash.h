#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "data/dataset.h"

namespace cnn {

/// The pixels of one image, [channels][height][width], as data sets have them.
struct PictureView {
  const std::byte* pixels = nullptr;
  PixelType type = PixelType::bytes;
  int channels = 0, height = 0, width = 0;
};

/// A picture in grey and small: the means of the boxes of a grid of 32x32, or of its own pixels along a side
/// that has less.
struct Thumbnail {
  static constexpr int kMostSide = 32;
  int height = 0, width = 0;
  std::array<float, kMostSide * kMostSide> values{};  ///< row after row
  float at(int y, int x) const { return values[static_cast<std::size_t>(y * width + x)]; }
};
Thumbnail thumbnail(const PictureView& picture);

/// What a picture looks like in 64 bits, or 0 if it is too simple to tell. Pictures that were recolored,
/// compressed anew or cropped a little differ in a few bits. The bits say of 8 rows of 9 boxes which is
/// brighter than its left neighbor (N. Krawetz's difference hash, 2013). Too simple are pictures of which a
/// single grey (of 64 between their darkest and their brightest) covers a quarter: digits, drawings, and
/// things before a plain ground, which look alike without being copies.
std::uint64_t picture_hash(const Thumbnail& picture);

/// In how many bits two hashes differ.
int distance(std::uint64_t a, std::uint64_t b);

/// Pearson's correlation of the greys, -1 .. 1; 0 if one is flat or the sizes differ.
double correlation(const Thumbnail& a, const Thumbnail& b);

}  // namespace cnn
