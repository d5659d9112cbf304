#pragma once

#include <cstdint>
#include <span>

namespace cnn {

/// [channels][height][width] floats, one image, in somebody else's memory.
struct FloatImageView {
  float* values = nullptr;
  int channels = 0, height = 0, width = 0;
  std::int64_t plane() const { return std::int64_t{height} * width; }
  std::int64_t size() const { return channels * plane(); }
};

/// v * factor. clamp: to 0..1 afterwards.
void change_brightness(const FloatImageView& image, float factor, bool clamp);

/// m + (v - m) * factor, m the mean of the image's grey (0.299 R + 0.587 G + 0.114 B for three channels, else
/// the mean of all channels). clamp: to 0..1 afterwards.
void change_contrast(const FloatImageView& image, float factor, bool clamp);

/// A part of an image that lies within it.
struct PixelBox {
  int top = 0, left = 0, height = 0, width = 0;
  friend bool operator==(const PixelBox&, const PixelBox&) = default;
};

/// The box becomes color[c].
void fill_box(const FloatImageView& image, const PixelBox& box, std::span<const float> color);

/// Rows y - size / 2 .. + size - 1 and the same columns, as far as they are in the image, become color[c].
/// Source: T. DeVries, G. Taylor, "Improved regularization of convolutional neural networks with cutout",
/// 2017, section 3.2: the square may lie partly outside.
void cut_out(const FloatImageView& image, int y, int x, int size, std::span<const float> color);

}  // namespace cnn
