#include "data/picture_hash.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

namespace cnn {
namespace {

/// How much a channel counts in grey.
float weight_of(int channel, int channels) {
  constexpr std::array<float, 3> kGrey{0.299f, 0.587f, 0.114f};
  return channels == 3 ? kGrey[static_cast<std::size_t>(channel)] : 1.0f / static_cast<float>(channels);
}

/// Which of `boxes` every position of a side lies in.
std::vector<std::size_t> boxes_of(int length, int boxes) {
  std::vector<std::size_t> box(static_cast<std::size_t>(length));
  for (std::size_t i = 0; i < box.size(); ++i)
    box[i] = i * static_cast<std::size_t>(boxes) / static_cast<std::size_t>(length);
  return box;
}

template <class Value>
void add_greys(const PictureView& picture, Thumbnail& small) {
  const std::vector<std::size_t> row_of = boxes_of(picture.height, small.height);
  const std::vector<std::size_t> column_of = boxes_of(picture.width, small.width);
  const auto* from = reinterpret_cast<const Value*>(picture.pixels);
  for (int c = 0; c < picture.channels; ++c) {
    const float weight = weight_of(c, picture.channels);
    for (const std::size_t row : row_of) {
      float* to = small.values.data() + row * static_cast<std::size_t>(small.width);
      for (const std::size_t column : column_of) to[column] += weight * static_cast<float>(*from++);
    }
  }
  std::array<float, Thumbnail::kMostSide> rows{}, columns{};
  for (const std::size_t row : row_of) ++rows[row];
  for (const std::size_t column : column_of) ++columns[column];
  for (int y = 0; y < small.height; ++y)
    for (int x = 0; x < small.width; ++x)
      small.values[static_cast<std::size_t>(y * small.width + x)] /=
          rows[static_cast<std::size_t>(y)] * columns[static_cast<std::size_t>(x)];
}

/// The mean of box (row, column) of a grid of 8 x 9; boxes overlap where the sides are no multiples.
float mean_of_box(const Thumbnail& picture, int row, int column) {
  const int top = row * picture.height / 8, bottom = ((row + 1) * picture.height + 7) / 8;
  const int left = column * picture.width / 9, right = ((column + 1) * picture.width + 8) / 9;
  float sum = 0;
  for (int y = top; y < bottom; ++y)
    for (int x = left; x < right; ++x) sum += picture.at(y, x);
  return sum / static_cast<float>((bottom - top) * (right - left));
}

bool is_simple(const Thumbnail& picture) {
  constexpr int kGreys = 64, kLeastSide = 16;
  if (std::min(picture.height, picture.width) < kLeastSide) return true;
  const auto pixels = static_cast<std::size_t>(picture.height * picture.width);
  const float* values = picture.values.data();
  const auto [least, most] = std::minmax_element(values, values + pixels);
  if (!(*most > *least)) return true;
  const float levels = (kGreys - 1) / (*most - *least);
  std::array<std::size_t, kGreys> counts{};
  for (std::size_t i = 0; i < pixels; ++i) {
    const float level = (values[i] - *least) * levels;
    if (!(level >= 0 && level < kGreys)) return true;  // not a number
    ++counts[static_cast<std::size_t>(level)];
  }
  return 4 * *std::ranges::max_element(counts) >= pixels;
}

}  // namespace

Thumbnail thumbnail(const PictureView& picture) {
  Thumbnail small;
  small.height = std::min(picture.height, Thumbnail::kMostSide);
  small.width = std::min(picture.width, Thumbnail::kMostSide);
  if (picture.type == PixelType::bytes)
    add_greys<std::uint8_t>(picture, small);
  else
    add_greys<float>(picture, small);
  return small;
}

std::uint64_t picture_hash(const Thumbnail& picture) {
  if (is_simple(picture)) return 0;
  std::uint64_t bits = 0;
  for (int row = 0; row < 8; ++row) {
    float left = mean_of_box(picture, row, 0);
    for (int column = 1; column < 9; ++column) {
      const float here = mean_of_box(picture, row, column);
      bits = bits << 1 | (here > left ? 1u : 0u);
      left = here;
    }
  }
  return bits;
}

int distance(std::uint64_t a, std::uint64_t b) { return std::popcount(a ^ b); }

double correlation(const Thumbnail& a, const Thumbnail& b) {
  if (a.height != b.height || a.width != b.width) return 0;
  const auto pixels = static_cast<std::size_t>(a.height * a.width);
  double sum_a = 0, sum_b = 0;
  for (std::size_t i = 0; i < pixels; ++i)
    sum_a += static_cast<double>(a.values[i]), sum_b += static_cast<double>(b.values[i]);
  const double mean_a = sum_a / static_cast<double>(pixels), mean_b = sum_b / static_cast<double>(pixels);
  double aa = 0, bb = 0, ab = 0;
  for (std::size_t i = 0; i < pixels; ++i) {
    const double x = static_cast<double>(a.values[i]) - mean_a, y = static_cast<double>(b.values[i]) - mean_b;
    aa += x * x, bb += y * y, ab += x * y;
  }
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0;
}

}  // namespace cnn
