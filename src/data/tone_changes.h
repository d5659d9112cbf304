#pragma once

#include <span>

#include "data/pixel_changes.h"

namespace cnn {

// Changes that know black and white: values are those of 0..1. The formulas are Pillow's, whose values are
// bytes: what needs a byte takes the nearest one.

/// s + (v - s) * factor, s the pixel smoothed by 3x3 weights (5 in the middle, 1 around, divided by 13);
/// pixels at the border stay. clamp: to 0..1 afterwards. other: as many values as the image, of any content.
void change_sharpness(const FloatImageView& image, float factor, bool clamp, std::span<float> other);

/// Keeps the upper `bits` bits of every byte. 1 <= bits <= 8; 8 changes nothing.
void posterize(const FloatImageView& image, int bits);

/// Values from `threshold` on become 1 - v.
void solarize(const FloatImageView& image, float threshold);

/// Each channel's least value becomes 0 and its greatest 1; a channel of one value stays.
void stretch_contrast(const FloatImageView& image);

/// Each channel's bytes become evenly distributed, as far as a table from byte to byte can do it. Channels of
/// less than 255 pixels, or of one value, stay.
void equalize(const FloatImageView& image);

}  // namespace cnn
