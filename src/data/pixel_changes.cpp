#include "data/pixel_changes.h"

#include <algorithm>
#include <array>

namespace cnn {
namespace {

double mean_grey(const FloatImageView& image) {
  constexpr std::array<double, 3> kGrey{0.299, 0.587, 0.114};
  double mean = 0;
  for (int c = 0; c < image.channels; ++c) {
    const float* plane = image.values + c * image.plane();
    double sum = 0;
    for (std::int64_t i = 0; i < image.plane(); ++i) sum += static_cast<double>(plane[i]);
    mean += (image.channels == 3 ? kGrey[static_cast<std::size_t>(c)] : 1.0 / image.channels) * sum;
  }
  return mean / static_cast<double>(image.plane());
}

}  // namespace

void change_brightness(const FloatImageView& image, float factor, bool clamp) {
  for (float& value : std::span(image.values, static_cast<std::size_t>(image.size()))) {
    value *= factor;
    if (clamp) value = std::clamp(value, 0.0f, 1.0f);
  }
}

void change_contrast(const FloatImageView& image, float factor, bool clamp) {
  const auto mean = static_cast<float>(mean_grey(image));
  for (float& value : std::span(image.values, static_cast<std::size_t>(image.size()))) {
    value = mean + (value - mean) * factor;
    if (clamp) value = std::clamp(value, 0.0f, 1.0f);
  }
}

void fill_box(const FloatImageView& image, const PixelBox& box, std::span<const float> color) {
  for (int c = 0; c < image.channels; ++c)
    for (int row = box.top; row < box.top + box.height; ++row) {
      float* at = image.values + c * image.plane() + std::int64_t{row} * image.width + box.left;
      std::fill(at, at + box.width, color[static_cast<std::size_t>(c)]);
    }
}

void cut_out(const FloatImageView& image, int y, int x, int size, std::span<const float> color) {
  const int top = std::max(0, y - size / 2), bottom = std::min(image.height, y - size / 2 + size);
  const int left = std::max(0, x - size / 2), right = std::min(image.width, x - size / 2 + size);
  fill_box(image, {top, left, bottom - top, right - left}, color);
}

}  // namespace cnn
