#include "data/warp.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <span>

#include "core/portable_math.h"

namespace cnn {
namespace {

/// A position that is mirrored at 0 and `last` until it lies between them.
float mirrored(float position, float last) {
  if (last == 0) return 0;
  const float period = 2 * last;
  const float inside = std::abs(position) - period * std::trunc(std::abs(position) / period);
  const float folded = std::min(inside, period - inside);
  return folded >= 0 ? folded : 0;  // also what rounding, or a displacement beyond all numbers, left outside
}

/// Between -1 and size: beyond, nothing but the border of zeros is seen. Written so that NaN becomes -1.
float within_border(float position, float size) {
  const float above = position > -1.0f ? position : -1.0f;
  return above < size ? above : size;
}

/// out[i] = the sum over t in -radius .. radius of kernel[|t|] * in[i + t * step]. No overlap.
void convolve(const float* __restrict kernel, int radius, const float* __restrict in, std::int64_t step,
              int count, float* __restrict out) {
  for (int i = 0; i < count; ++i) out[i] = kernel[0] * in[i];
  for (int t = 1; t <= radius; ++t) {
    const float *before = in - t * step, *behind = in + t * step;
    const float factor = kernel[t];
    for (int i = 0; i < count; ++i) out[i] += factor * (before[i] + behind[i]);
  }
}

/// Uniform in -1 .. 1, steps of 2^-15, two of 32 bits each.
void fill_with_noise(std::span<float> out, Random& random) {
  const auto number = [](std::uint32_t bits) {
    return (static_cast<float>(static_cast<int>(bits) - 32768) + 0.5f) / 32768.0f;
  };
  for (std::size_t i = 0; i < out.size(); i += 2) {
    const std::uint32_t bits = random.bits();
    out[i] = number(bits & 0xffff);
    if (i + 1 < out.size()) out[i + 1] = number(bits >> 16);
  }
}

}  // namespace

void Warp::begin(int height, int width) {
  height_ = height;
  width_ = width;
  matrix_ = {1, 0, 0, 1};
  shift_y_ = shift_x_ = 0;
  displaced_ = false;
}

void Warp::multiply(double a, double b, double c, double d) {
  const auto [e, f, g, h] = matrix_;
  matrix_ = {e * a + f * c, e * b + f * d, g * a + h * c, g * b + h * d};
}

void Warp::rotate(double degrees) {
  const double angle = degrees * std::numbers::pi / 180;
  const double c = portable_cos(angle), s = portable_sin(angle);
  multiply(c, -s, s, c);  // rows count downward, so this looks back along a counterclockwise turn
}

void Warp::scale(double factor) { multiply(1 / factor, 0, 0, 1 / factor); }

void Warp::shear(double down, double right) {
  multiply(1, right, down, 1);
  // The corner of the image stays where it is, and lies half a pixel before the center of its first pixel.
  shift_y_ = down * width_ / 2;
  shift_x_ = right * height_ / 2;
}

void Warp::shift(double down, double right) {
  shift_y_ = -down;
  shift_x_ = -right;
}

void Warp::displace(double alpha, double sigma, Random& random) {
  displaced_ = true;
  const int radius = make_kernel(sigma);
  draw_field(alpha, radius, random, dy_);
  draw_field(alpha, radius, random, dx_);
}

int Warp::make_kernel(double sigma) {
  const int radius = std::max(
      1, std::min(static_cast<int>(std::ceil(3 * std::min(sigma, 1e6))), std::max(height_, width_) - 1));
  kernel_.resize(static_cast<std::size_t>(radius) + 1);
  const auto bell = [&](int t) { return portable_exp(-0.5 * t * t / (sigma * sigma)); };
  double sum = 1;
  for (int t = 1; t <= radius; ++t) sum += 2 * bell(t);
  for (int t = 0; t <= radius; ++t) kernel_[static_cast<std::size_t>(t)] = static_cast<float>(bell(t) / sum);
  return radius;
}

void Warp::draw_field(double alpha, int radius, Random& random, std::vector<float>& field) {
  const auto width = static_cast<std::size_t>(width_), height = static_cast<std::size_t>(height_);
  const auto margin = static_cast<std::size_t>(radius);
  // Along the rows, each between zeros, into a picture with rows of zeros above and below ...
  noise_.assign(margin + width + margin, 0.0f);
  rows_done_.assign((margin + height + margin) * width, 0.0f);
  for (std::size_t y = 0; y < height; ++y) {
    float* const row = noise_.data() + margin;
    fill_with_noise({row, width}, random);
    convolve(kernel_.data(), radius, row, 1, width_, rows_done_.data() + (margin + y) * width);
  }
  // ... then down the columns.
  field.resize(height * width);
  for (std::size_t y = 0; y < height; ++y)
    convolve(kernel_.data(), radius, rows_done_.data() + (margin + y) * width, width_, width_,
             field.data() + y * width);
  for (float& value : field) value *= static_cast<float>(alpha);
}

void Warp::place_neighbors(Border border) {
  const auto pixels = static_cast<std::size_t>(height_) * static_cast<std::size_t>(width_);
  corner_.resize(pixels);
  down_.resize(pixels);
  right_.resize(pixels);
  const auto xx = static_cast<float>(matrix_[0]), xy = static_cast<float>(matrix_[1]);
  const auto yx = static_cast<float>(matrix_[2]), yy = static_cast<float>(matrix_[3]);
  const auto height = static_cast<float>(height_), width = static_cast<float>(width_);
  const float center_y = (height - 1) / 2, center_x = (width - 1) / 2;
  const float origin_y = center_y + static_cast<float>(shift_y_);
  const float origin_x = center_x + static_cast<float>(shift_x_);
  std::size_t i = 0;
  for (int y = 0; y < height_; ++y) {
    for (int x = 0; x < width_; ++x, ++i) {
      float to_y = static_cast<float>(y) - center_y, to_x = static_cast<float>(x) - center_x;
      if (displaced_) to_y += dy_[i], to_x += dx_[i];
      float from_y = origin_y + (yx * to_x + yy * to_y), from_x = origin_x + (xx * to_x + xy * to_y);
      if (border == Border::reflect) {
        from_y = mirrored(from_y, height - 1);
        from_x = mirrored(from_x, width - 1);
      } else {
        from_y = within_border(from_y, height);
        from_x = within_border(from_x, width);
      }
      const int row = std::min(static_cast<int>(from_y + 1), height_);
      const int column = std::min(static_cast<int>(from_x + 1), width_);
      corner_[i] = row * (width_ + 2) + column;
      down_[i] = from_y + 1 - static_cast<float>(row);
      right_[i] = from_x + 1 - static_cast<float>(column);
    }
  }
}

void Warp::apply(Border border, int channels, const float* from, float* to) {
  place_neighbors(border);
  const int pitch = width_ + 2;
  padded_.assign(static_cast<std::size_t>(height_ + 2) * static_cast<std::size_t>(pitch), 0.0f);
  for (int c = 0; c < channels; ++c) {
    for (int y = 0; y < height_; ++y, from += width_)
      std::copy(from, from + width_, padded_.data() + std::int64_t{y + 1} * pitch + 1);
    for (std::size_t i = 0; i < corner_.size(); ++i) {
      const float* at = padded_.data() + corner_[i];
      const float above = at[0] + right_[i] * (at[1] - at[0]);
      const float below = at[pitch] + right_[i] * (at[pitch + 1] - at[pitch]);
      *to++ = above + down_[i] * (below - above);
    }
  }
}

}  // namespace cnn
