#include "data/image_fitter.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/error.h"

namespace cnn {
namespace {

/// A weight is a multiple of 2^-22: 8 bits of pixel, 22 of weight, and room for the sign and for rounding.
constexpr int kFractionBits = 22;
constexpr std::int32_t kHalf = 1 << (kFractionBits - 1);

std::uint8_t to_byte(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kFractionBits, 0, 255));
}

std::int64_t divide_rounded(std::int64_t a, std::int64_t b) { return (2 * a + b) / (2 * b); }

}  // namespace

FittedSize fitted_extent(const ImageSpec& spec, std::int64_t height, std::int64_t width) {
  FittedSize extent{spec.height, spec.width};
  if (spec.resize != Resize::fit && spec.resize != Resize::crop) return extent;
  // The side that touches the target keeps its size exactly; the other follows the shape of the image.
  const bool wide = width * spec.height > height * spec.width;
  if (wide == (spec.resize == Resize::fit))
    extent.height = std::max<std::int64_t>(1, divide_rounded(height * spec.width, width));
  else
    extent.width = std::max<std::int64_t>(1, divide_rounded(width * spec.height, height));
  return extent;
}

ImageFitter::ImageFitter(const ImageSpec& spec) : spec_(spec) {
  CNN_CHECK(spec.channels >= 1 && spec.height >= 1 && spec.width >= 1, "{} x {} x {}", spec.channels,
            spec.height, spec.width);
}

// Antialiased bilinear: a triangle around the middle of every output position, as wide as one input position
// when enlarging and as one output position when shrinking, cut off at the border and normalized to 1.
void ImageFitter::Side::prepare(std::int64_t input_size, double input_extent, double input_offset,
                                std::int64_t output_size, std::int64_t first_position,
                                std::int64_t positions) {
  if (input == input_size && extent == input_extent && offset == input_offset && output == output_size &&
      begin == first_position && length == positions)
    return;
  input = input_size, output = output_size, begin = first_position, length = positions;
  extent = input_extent, offset = input_offset;
  const double scale = input_extent / static_cast<double>(output_size);
  const double radius = std::max(scale, 1.0);
  taps =
      static_cast<std::size_t>(std::min<double>(static_cast<double>(input_size), 2 * std::ceil(radius) + 1));
  first.resize(static_cast<std::size_t>(positions));
  count.resize(static_cast<std::size_t>(positions));
  weights.assign(static_cast<std::size_t>(positions) * taps, 0);
  std::vector<double> triangle(taps);
  for (std::int64_t i = 0; i < positions; ++i) {
    const double middle = input_offset + (static_cast<double>(first_position + i) + 0.5) * scale;
    const auto low = std::max<std::int64_t>(0, static_cast<std::int64_t>(middle - radius + 0.5));
    const auto high = std::min(input_size, static_cast<std::int64_t>(middle + radius + 0.5));
    const auto n = static_cast<std::size_t>(high - low);
    CNN_CHECK(high > low && n <= taps, "{} of {} taps", high - low, taps);
    double total = 0;
    for (std::size_t k = 0; k < n; ++k) {
      const double position = static_cast<double>(low) + static_cast<double>(k);
      const double distance = (position - middle + 0.5) / radius;
      // Of a reduced image the outermost positions may lie partly outside.
      const double inside =
          std::min(position + 1, input_offset + input_extent) - std::max(position, input_offset);
      triangle[k] = std::max(0.0, 1 - std::abs(distance)) * inside;
      total += triangle[k];
    }
    std::int32_t* row = &weights[static_cast<std::size_t>(i) * taps];
    for (std::size_t k = 0; k < n; ++k)
      row[k] = static_cast<std::int32_t>(0.5 + triangle[k] / total * (1 << kFractionBits));
    first[static_cast<std::size_t>(i)] = static_cast<int>(low);
    count[static_cast<std::size_t>(i)] = static_cast<int>(n);
  }
}

// Horizontal pass over the rows that are needed, rounded to bytes, then the vertical pass.
void ImageFitter::resample(const std::uint8_t* plane, int width, std::uint8_t* out, int out_pitch) {
  const auto columns = static_cast<std::size_t>(x_.length), lines = static_cast<std::size_t>(y_.length);
  const int top = y_.first.front(), bottom = y_.first.back() + y_.count.back();
  rows_.resize(static_cast<std::size_t>(bottom - top) * columns);
  for (int y = top; y < bottom; ++y) {
    const std::uint8_t* source = plane + std::int64_t{y} * width;
    std::uint8_t* target = &rows_[static_cast<std::size_t>(y - top) * columns];
    if (x_.identity()) {
      std::memcpy(target, source + x_.begin, columns);
      continue;
    }
    for (std::size_t x = 0; x < columns; ++x) {
      const std::uint8_t* pixel = source + x_.first[x];
      const std::int32_t* weight = &x_.weights[x * x_.taps];
      std::int32_t sum = kHalf;
      for (int k = 0; k < x_.count[x]; ++k) sum += pixel[k] * weight[k];
      target[x] = to_byte(sum);
    }
  }
  sums_.resize(columns);
  for (std::size_t y = 0; y < lines; ++y) {
    const std::uint8_t* source = &rows_[static_cast<std::size_t>(y_.first[y] - top) * columns];
    std::uint8_t* target = out + y * static_cast<std::size_t>(out_pitch);
    std::fill(sums_.begin(), sums_.end(), kHalf);
    for (int k = 0; k < y_.count[y]; ++k, source += columns) {
      const std::int32_t weight = y_.weights[y * y_.taps + static_cast<std::size_t>(k)];
      for (std::size_t x = 0; x < columns; ++x) sums_[x] += source[x] * weight;
    }
    for (std::size_t x = 0; x < columns; ++x) target[x] = to_byte(sums_[x]);
  }
}

std::string ImageFitter::fit(const ImageView& image, std::uint8_t* out) {
  CNN_CHECK(image.height >= 1 && image.width >= 1, "{}x{}", image.height, image.width);
  const int channels = spec_.channels, height = spec_.height, width = spec_.width;
  const std::int64_t h = image.full_height(), w = image.full_width();
  if (spec_.resize == Resize::none && (image.height != height || image.width != width))
    return fmt::format("is {}x{} (height x width), expected {}x{} because \"resize\" is \"none\"",
                       image.height, image.width, height, width);
  const bool to_color = image.channels == 1 && channels == 3, to_grey = image.channels == 3 && channels == 1;
  if (image.channels != channels && !to_color && !to_grey)
    return fmt::format("has {} channels, expected {}", image.channels, channels);

  const std::int64_t plane = image.plane();
  const std::uint8_t* source = image.pixels;
  if (to_grey) {
    color_.resize(static_cast<std::size_t>(plane));
    const std::uint8_t *r = source, *g = r + plane, *b = g + plane;
    for (std::int64_t i = 0; i < plane; ++i) color_[static_cast<std::size_t>(i)] = grey_of(r[i], g[i], b[i]);
    source = color_.data();
  }
  const int distinct = to_color ? 1 : channels;  // planes to resize; the others are copies
  const std::int64_t out_plane = std::int64_t{height} * width;

  if (h == height && w == width) {
    std::memcpy(out, source, static_cast<std::size_t>(distinct * plane));
  } else {
    const auto [scaled_h, scaled_w] = fitted_extent(spec_, h, w);
    const std::int64_t shown_h = std::min<std::int64_t>(scaled_h, height);
    const std::int64_t shown_w = std::min<std::int64_t>(scaled_w, width);
    const Reduction& reduction = image.reduction;
    const auto part = [&](std::int64_t size) { return static_cast<double>(size) / reduction.factor; };
    y_.prepare(image.height, part(h), reduction.top, scaled_h, (scaled_h - shown_h) / 2, shown_h);
    x_.prepare(image.width, part(w), reduction.left, scaled_w, (scaled_w - shown_w) / 2, shown_w);
    const std::int64_t offset = (height - shown_h) / 2 * width + (width - shown_w) / 2;
    if (shown_h < height || shown_w < width)
      std::memset(out, 0, static_cast<std::size_t>(distinct * out_plane));
    for (int c = 0; c < distinct; ++c)
      resample(source + c * plane, image.width, out + c * out_plane + offset, width);
  }
  for (int c = distinct; c < channels; ++c)
    std::memcpy(out + c * out_plane, out, static_cast<std::size_t>(out_plane));
  return "";
}

}  // namespace cnn
