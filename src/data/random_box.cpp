#include "data/random_box.h"

#include <algorithm>
#include <cmath>

#include "core/portable_math.h"

namespace cnn {
namespace {

constexpr int kTries = 10;

int rounded(double length) { return static_cast<int>(std::floor(std::min(length, 1e9) + 0.5)); }

/// A rectangle of a drawn share of `area` and a drawn ratio of its sides: `ratio` is first / second.
struct Sides {
  int first = 0, second = 0;
};
Sides draw_sides(const Range& scale, const Range& ratio, double area, Random& random) {
  const double share = drawn(scale, random);
  const double logarithm = drawn({portable_log(ratio.low), portable_log(ratio.high)}, random);
  const double quotient = portable_exp(logarithm);
  return {rounded(std::sqrt(area * share * quotient)), rounded(std::sqrt(area * share / quotient))};
}

/// A box of this size anywhere in the image.
PixelBox place_anywhere(int box_height, int box_width, int height, int width, Random& random) {
  const auto top = random.below(static_cast<std::uint32_t>(height - box_height + 1));
  const auto left = random.below(static_cast<std::uint32_t>(width - box_width + 1));
  return {static_cast<int>(top), static_cast<int>(left), box_height, box_width};
}

}  // namespace

double drawn(const Range& range, Random& random) {
  return range.low + (range.high - range.low) * static_cast<double>(random.uniform());
}

PixelBox draw_crop(const RandomResizedCropSpec& crop, int height, int width, Random& random) {
  const double area = static_cast<double>(height) * width;
  for (int i = 0; i < kTries; ++i) {
    const auto [w, h] = draw_sides(crop.scale, crop.ratio, area, random);
    if (w > 0 && w <= width && h > 0 && h <= height) return place_anywhere(h, w, height, width, random);
  }
  int w = width, h = height;
  const double ratio = static_cast<double>(width) / height;
  if (ratio < crop.ratio.low) h = std::max(1, rounded(width / crop.ratio.low));
  if (ratio > crop.ratio.high) w = std::max(1, rounded(height * crop.ratio.high));
  return {(height - h) / 2, (width - w) / 2, h, w};
}

std::optional<PixelBox> draw_erased(const RandomErasingSpec& erasing, int height, int width, Random& random) {
  const double area = static_cast<double>(height) * width;
  for (int i = 0; i < kTries; ++i) {
    const auto [h, w] = draw_sides(erasing.scale, erasing.ratio, area, random);
    if (h < height && w < width) return place_anywhere(h, w, height, width, random);
  }
  return std::nullopt;
}

void BoxEnlarger::place(int begin, int from, int to, std::vector<Neighbors>& neighbors) {
  neighbors.resize(static_cast<std::size_t>(to));
  for (int i = 0; i < to; ++i) {
    const double position = std::clamp((i + 0.5) * from / to - 0.5, 0.0, from - 1.0);
    const int before = static_cast<int>(position);
    neighbors[static_cast<std::size_t>(i)] = {begin + before, begin + std::min(before + 1, from - 1),
                                              static_cast<float>(position - before)};
  }
}

void BoxEnlarger::apply(const PixelBox& box, const float* from, const FloatImageView& image) {
  place(box.top, box.height, image.height, rows_);
  place(box.left, box.width, image.width, columns_);
  float* to = image.values;
  for (int c = 0; c < image.channels; ++c, from += image.plane())
    for (const Neighbors& y : rows_) {
      const float* upper = from + std::int64_t{y.first} * image.width;
      const float* lower = from + std::int64_t{y.second} * image.width;
      for (const Neighbors& x : columns_) {
        const float above = upper[x.first] + x.share * (upper[x.second] - upper[x.first]);
        const float below = lower[x.first] + x.share * (lower[x.second] - lower[x.first]);
        *to++ = above + y.share * (below - above);
      }
    }
}

}  // namespace cnn
