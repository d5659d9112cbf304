#include "data/color_changes.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"

namespace cnn {
namespace {

/// Calls change(red, green, blue) for every pixel; it takes references.
template <class Change>
void for_each_color(const FloatImageView& image, const Change& change) {
  CNN_CHECK(image.channels == 3, "{} channels have no colors", image.channels);
  float *red = image.values, *green = red + image.plane(), *blue = green + image.plane();
  for (std::int64_t i = 0; i < image.plane(); ++i) change(red[i], green[i], blue[i]);
}

/// The place on the color circle, 0 to 6 or somewhat before: red 0, green 2, blue 4. chroma > 0.
float hue_of(float red, float green, float blue, float most, float chroma) {
  if (most == red) return (green - blue) / chroma;
  if (most == green) return 2 + (blue - red) / chroma;
  return 4 + (red - green) / chroma;
}

/// A channel of a hue in 0 .. 6. distance: 5 for red, 3 for green, 1 for blue.
float channel_of(float hue, float distance, float most, float chroma) {
  float k = distance + hue;
  if (k >= 6) k -= 6;
  return most - chroma * std::clamp(std::min(k, 4 - k), 0.0f, 1.0f);
}

}  // namespace

void shift_hue(const FloatImageView& image, float shift) {
  if (shift == 0) return;
  for_each_color(image, [&](float& red, float& green, float& blue) {
    const float most = std::max({red, green, blue});
    const float chroma = most - std::min({red, green, blue});
    if (!(chroma > 0)) return;
    float hue = hue_of(red, green, blue, most, chroma) + 6 * shift;
    hue -= 6 * std::floor(hue / 6);
    red = channel_of(hue, 5, most, chroma);
    green = channel_of(hue, 3, most, chroma);
    blue = channel_of(hue, 1, most, chroma);
  });
}

void change_saturation(const FloatImageView& image, float factor, bool clamp) {
  for_each_color(image, [&](float& red, float& green, float& blue) {
    const float grey = 0.299f * red + 0.587f * green + 0.114f * blue;
    for (float* value : {&red, &green, &blue}) {
      *value = grey + (*value - grey) * factor;
      if (clamp) *value = std::clamp(*value, 0.0f, 1.0f);
    }
  });
}

}  // namespace cnn
