#include "data/upright_image.h"

#include <algorithm>

#include "kernels/byte_rows.h"

namespace cnn {

UprightImage::UprightImage(int components, int stored_height, int stored_width, int orientation)
    : components_(components),
      height_(stored_height),
      width_(stored_width),
      orientation_(orientation),
      upright_(orientation, stored_height, stored_width) {
  image_ = {components >= 3 ? 3 : 1, upright_.height, upright_.width, {}};
  if (components % 2 == 0) image_.alpha.resize(static_cast<std::size_t>(ImageView(image_).plane()));
}

void UprightImage::is_reduced(int factor, int stored_full_height, int stored_full_width) {
  const Upright whole(orientation_, stored_full_height, stored_full_width);
  Reduction& reduction = image_.reduction;
  reduction = {factor, whole.height, whole.width, 0, 0};
  // What lies outside is at the end of the stored rows and columns: upright, perhaps at their beginning.
  const bool sideways = orientation_ >= 5;
  const auto outside = [&](int size, int full_size) {
    return size - static_cast<double>(full_size) / factor;
  };
  const double below = outside(height_, stored_full_height), right = outside(width_, stored_full_width);
  if (upright_.step_y < 0) (sideways ? reduction.left : reduction.top) = below;
  if (upright_.step_x < 0) (sideways ? reduction.top : reduction.left) = right;
}

void UprightImage::put(const std::uint8_t* rows, int first, int count) {
  const bool rows_stay_rows = upright_.step_x == 1 && components_ >= 3;
  put_into(image_.pixels, rows, first, rows_stay_rows ? 0 : count);
  if (!rows_stay_rows) return;
  const std::int64_t plane = ImageView(image_).plane();
  for (int y = 0; y < count; ++y) {
    const std::uint8_t* from = rows + std::int64_t{y} * width_ * components_;
    const std::int64_t at = upright_.origin + (first + y) * upright_.step_y;
    std::uint8_t* const to = image_.pixels.data() + at;
    split_colors(from, components_, width_, {to, to + plane, to + 2 * plane});
    for (int x = 0; x < width_ && components_ == 4; ++x)
      image_.alpha[static_cast<std::size_t>(at + x)] = from[4 * x + 3];
  }
}

void UprightImage::put(const std::uint16_t* rows, int first, int count) {
  image_.white = 65535;
  put_into(image_.deep, rows, first, count);
}

template <class Value>
void UprightImage::put_into(std::vector<Value>& planes, const Value* rows, int first, int count) {
  const int channels = image_.channels;
  const std::int64_t plane = ImageView(image_).plane();
  planes.resize(static_cast<std::size_t>(channels * plane));
  std::uint16_t* const alpha = image_.alpha.empty() ? nullptr : image_.alpha.data();
  constexpr int kTile = 64;  // a sideways image is written column by column: stay within a few cache lines
  for (int top = 0; top < count; top += kTile)
    for (int left = 0; left < width_; left += kTile)
      for (int y = top; y < std::min(count, top + kTile); ++y) {
        const int end = std::min(width_, left + kTile);
        const Value* from = rows + (std::int64_t{y} * width_ + left) * components_;
        const std::int64_t at = upright_.origin + (first + y) * upright_.step_y + left * upright_.step_x;
        Value* to = planes.data() + at;
        for (int x = left; x < end; ++x, from += components_, to += upright_.step_x)
          for (int c = 0; c < channels; ++c) to[c * plane] = from[c];
        if (!alpha) continue;
        const Value* opacity = rows + (std::int64_t{y} * width_ + left) * components_ + channels;
        for (int x = left; x < end; ++x, opacity += components_)
          alpha[at + (x - left) * upright_.step_x] = *opacity;
      }
}

}  // namespace cnn
