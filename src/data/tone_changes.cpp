#include "data/tone_changes.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "core/error.h"

namespace cnn {
namespace {

std::span<float> values_of(const FloatImageView& image) {
  return {image.values, static_cast<std::size_t>(image.size())};
}

std::span<float> channel(const FloatImageView& image, int c) {
  return {image.values + c * image.plane(), static_cast<std::size_t>(image.plane())};
}

int byte_of(float value) { return static_cast<int>(std::clamp(value, 0.0f, 1.0f) * 255.0f + 0.5f); }

float value_of(std::int64_t byte) { return static_cast<float>(byte) / 255.0f; }

}  // namespace

void change_sharpness(const FloatImageView& image, float factor, bool clamp, std::span<float> other) {
  CNN_CHECK(static_cast<std::int64_t>(other.size()) >= image.size(), "{} values for a copy of {}",
            other.size(), image.size());
  std::copy(image.values, image.values + image.size(), other.begin());
  for (int c = 0; c < image.channels; ++c)
    for (int y = 1; y + 1 < image.height; ++y)
      for (int x = 1; x + 1 < image.width; ++x) {
        const std::int64_t at = c * image.plane() + std::int64_t{y} * image.width + x;
        const float* before = other.data() + at;
        const float *above = before - image.width, *below = before + image.width;
        const float around =
            (above[-1] + above[0] + above[1]) + (before[-1] + before[1]) + (below[-1] + below[0] + below[1]);
        const float smooth = (around + 5 * before[0]) / 13;
        const float value = smooth + (before[0] - smooth) * factor;
        image.values[at] = clamp ? std::clamp(value, 0.0f, 1.0f) : value;
      }
}

void posterize(const FloatImageView& image, int bits) {
  CNN_CHECK(bits >= 1 && bits <= 8, "{} bits", bits);
  if (bits == 8) return;
  const int kept = 0xff << (8 - bits);
  for (float& value : values_of(image)) value = value_of(byte_of(value) & kept);
}

void solarize(const FloatImageView& image, float threshold) {
  for (float& value : values_of(image))
    if (value >= threshold) value = 1 - value;
}

void stretch_contrast(const FloatImageView& image) {
  for (int c = 0; c < image.channels; ++c) {
    const auto [least, most] = std::ranges::minmax(channel(image, c));
    if (!(most > least)) continue;
    for (float& value : channel(image, c)) value = (value - least) / (most - least);
  }
}

void equalize(const FloatImageView& image) {
  for (int c = 0; c < image.channels; ++c) {
    std::array<std::int64_t, 256> counts{};
    for (const float value : channel(image, c)) ++counts[static_cast<std::size_t>(byte_of(value))];
    const auto brightest = std::find_if(counts.rbegin(), counts.rend(), [](auto count) { return count > 0; });
    const std::int64_t step = (image.plane() - *brightest) / 255;  // pixels to each grey level
    if (step == 0) continue;
    std::array<float, 256> table{};
    std::int64_t below = step / 2;
    for (std::size_t byte = 0; byte < 256; ++byte) {
      table[byte] = value_of(std::min<std::int64_t>(below / step, 255));
      below += counts[byte];
    }
    for (float& value : channel(image, c)) value = table[static_cast<std::size_t>(byte_of(value))];
  }
}

}  // namespace cnn
