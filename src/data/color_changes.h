#pragma once

#include "data/pixel_changes.h"

namespace cnn {

/// Turns the hue of every pixel by `shift` of the color circle, in HSV: 1/3 makes red green, green blue and
/// blue red; value and saturation stay. For three channels, whatever range they have. shift in -1 .. 1.
void shift_hue(const FloatImageView& image, float shift);

/// g + (v - g) * factor, g the pixel's own grey (0.299 R + 0.587 G + 0.114 B): 0 takes all color away. For
/// three channels. clamp: to 0..1 afterwards.
void change_saturation(const FloatImageView& image, float factor, bool clamp);

}  // namespace cnn
