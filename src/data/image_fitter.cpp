#include "data/image_fitter.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "data/finish_image.h"
#include "kernels/byte_rows.h"

namespace cnn {
namespace {

/// Numbers with 16 bits before the point and 8 behind the point. All weights are positive: nothing can become
/// negative.
constexpr int kPointBits = 8;
constexpr std::int64_t kHalf = 1 << (kByteWeightBits - 1);
std::int32_t rounded(std::int64_t sum) {
  return static_cast<std::int32_t>(std::min<std::int64_t>(sum >> kByteWeightBits, 65535 << kPointBits));
}

/// What kernels/byte_rows.h does with bytes, for such numbers.
void weigh_row(const std::int32_t* row, const RowWeights& by, std::int32_t* out) {
  for (int i = 0; i < by.outputs; ++i) {
    const std::int32_t* weights = by.weights + std::int64_t{i} * by.taps;
    std::int64_t sum = kHalf;
    for (int k = 0; k < by.count[i]; ++k) sum += std::int64_t{row[by.first[i] + k]} * weights[k];
    out[i] = rounded(sum);
  }
}
void weigh_rows(const std::int32_t* rows, std::int64_t pitch, const std::int32_t* weights, int count,
                int columns, std::int32_t* out) {
  for (int x = 0; x < columns; ++x) {
    std::int64_t sum = kHalf;
    for (int k = 0; k < count; ++k) sum += std::int64_t{rows[k * pitch + x]} * weights[k];
    out[x] = rounded(sum);
  }
}

std::int32_t grey_value(std::int32_t r, std::int32_t g, std::int32_t b) {
  return static_cast<std::int32_t>(
      (r * std::int64_t{19595} + g * std::int64_t{38470} + b * std::int64_t{7471} + 0x8000) >> 16);
}
std::uint8_t grey_value(std::uint8_t r, std::uint8_t g, std::uint8_t b) { return grey_of(r, g, b); }

/// n / 2, n at least 0.
std::int64_t half_to_even(std::int64_t n) { return n / 2 + (n % 4 == 3); }

std::int64_t divide_rounded(std::int64_t a, std::int64_t b) { return (2 * a + b) / (2 * b); }

}  // namespace

FittedExtent fitted_extent(const ImageSpec& spec, std::int64_t height, std::int64_t width) {
  FittedExtent extent{spec.height, spec.width};
  if (spec.resize != Resize::fit && spec.resize != Resize::crop) return extent;
  if (spec.short_side > 0) {
    extent.height = spec.short_side * height / std::min(height, width);
    extent.width = spec.short_side * width / std::min(height, width);
    extent.top = half_to_even(extent.height - spec.height);
    extent.left = half_to_even(extent.width - spec.width);
    return extent;
  }
  // The side that touches the target keeps its size exactly; the other follows the shape of the image.
  const bool wide = width * spec.height > height * spec.width;
  if (wide == (spec.resize == Resize::fit))
    extent.height = std::max<std::int64_t>(1, divide_rounded(height * spec.width, width));
  else
    extent.width = std::max<std::int64_t>(1, divide_rounded(width * spec.height, height));
  extent.top = (extent.height - spec.height) / 2;
  extent.left = (extent.width - spec.width) / 2;
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
  const auto most = std::min<double>(static_cast<double>(input_size), 2 * std::ceil(radius) + 1);
  taps = (static_cast<std::size_t>(most) + kByteWeightGroup - 1) / kByteWeightGroup * kByteWeightGroup;
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
      row[k] = static_cast<std::int32_t>(0.5 + triangle[k] / total * (1 << kByteWeightBits));
    first[static_cast<std::size_t>(i)] = static_cast<int>(low);
    count[static_cast<std::size_t>(i)] = static_cast<int>(n);
  }
}

// Horizontal pass over the rows that are needed, rounded to the type of the pixels, then the vertical pass.
template <class Value>
void ImageFitter::resample(const Value* plane, int width, Value* out, int out_pitch, Passes<Value>& passes) {
  const auto columns = static_cast<std::size_t>(x_.length), lines = static_cast<std::size_t>(y_.length);
  const int top = y_.first.front(), bottom = y_.first.back() + y_.count.back();
  passes.rows.resize(static_cast<std::size_t>(bottom - top) * columns + kByteRowSlack);
  passes.line.resize(std::max(static_cast<std::size_t>(width), columns) + kByteRowSlack);
  Value* const line = passes.line.data();
  const RowWeights columns_of{static_cast<int>(columns), x_.first.data(), x_.count.data(), x_.weights.data(),
                              static_cast<int>(x_.taps)};
  for (int y = top; y < bottom; ++y) {
    const Value* source = plane + std::int64_t{y} * width;
    Value* target = &passes.rows[static_cast<std::size_t>(y - top) * columns];
    if (x_.identity()) {
      std::copy_n(source + x_.begin, columns, target);
    } else {
      std::copy_n(source, width, line);  // behind its end it can be read
      weigh_row(line, columns_of, target);
    }
  }
  for (std::size_t y = 0; y < lines; ++y) {
    const Value* source = &passes.rows[static_cast<std::size_t>(y_.first[y] - top) * columns];
    weigh_rows(source, x_.length, &y_.weights[y * y_.taps], y_.count[y], static_cast<int>(columns), line);
    std::copy_n(line, columns, out + y * static_cast<std::size_t>(out_pitch));
  }
}

std::string ImageFitter::shape_fault(const ImageView& image) const {
  CNN_CHECK(image.height >= 1 && image.width >= 1, "{}x{}", image.height, image.width);
  if (spec_.resize == Resize::none && (image.height != spec_.height || image.width != spec_.width))
    return fmt::format("is {}x{} (height x width), expected {}x{} because \"resize\" is \"none\"",
                       image.height, image.width, spec_.height, spec_.width);
  const bool to_color = image.channels == 1 && spec_.channels == 3;
  const bool to_grey = image.channels == 3 && spec_.channels == 1;
  if (image.channels != spec_.channels && !to_color && !to_grey)
    return fmt::format("has {} channels, expected {}", image.channels, spec_.channels);
  return "";
}

/// `source` has the pixels of the image.
template <class Value>
void ImageFitter::fit_planes(const ImageView& image, const Value* source, Value* out, Passes<Value>& passes) {
  const int channels = spec_.channels, height = spec_.height, width = spec_.width;
  const std::int64_t h = image.full_height(), w = image.full_width();
  const std::int64_t plane = image.plane();
  if (image.channels == 3 && channels == 1) {
    passes.color.resize(static_cast<std::size_t>(plane));
    const Value *r = source, *g = r + plane, *b = g + plane;
    for (std::int64_t i = 0; i < plane; ++i)
      passes.color[static_cast<std::size_t>(i)] = grey_value(r[i], g[i], b[i]);
    source = passes.color.data();
  }
  // Planes to resize; the others are copies.
  const int distinct = image.channels == 1 && channels == 3 ? 1 : channels;
  const std::int64_t out_plane = std::int64_t{height} * width;

  const FittedExtent extent = fitted_extent(spec_, h, w);
  if (h == height && w == width && extent.height == h && extent.width == w) {
    std::memcpy(out, source, static_cast<std::size_t>(distinct * plane) * sizeof(Value));
  } else {
    const std::int64_t shown_h = std::min<std::int64_t>(extent.height, height);
    const std::int64_t shown_w = std::min<std::int64_t>(extent.width, width);
    const std::int64_t top = std::max<std::int64_t>(extent.top, 0);
    const std::int64_t left = std::max<std::int64_t>(extent.left, 0);
    const Reduction& reduction = image.reduction;
    const auto part = [&](std::int64_t size) { return static_cast<double>(size) / reduction.factor; };
    y_.prepare(image.height, part(h), reduction.top, extent.height, top, shown_h);
    x_.prepare(image.width, part(w), reduction.left, extent.width, left, shown_w);
    const std::int64_t offset = (top - extent.top) * width + (left - extent.left);
    if (shown_h < height || shown_w < width)
      std::memset(out, 0, static_cast<std::size_t>(distinct * out_plane) * sizeof(Value));
    for (int c = 0; c < distinct; ++c)
      resample(source + c * plane, image.width, out + c * out_plane + offset, width, passes);
  }
  for (int c = distinct; c < channels; ++c)
    std::memcpy(out + c * out_plane, out, static_cast<std::size_t>(out_plane) * sizeof(Value));
}

std::string ImageFitter::fit(const ImageView& image, std::uint8_t* out) {
  if (std::string fault = shape_fault(image); !fault.empty()) return fault;
  fit_planes(image, image.pixels, out, bytes_);
  return "";
}

std::string ImageFitter::fit(const ImageView& image, float* out) {
  if (std::string fault = shape_fault(image); !fault.empty()) return fault;
  // Bytes become 16 bits first: the same picture in both gives the same numbers.
  const int white = image.deep ? image.white : 65535, scale = image.deep ? 1 : 257;
  const auto [low, high] = value_ends(spec_, image.deep != nullptr, white);
  stored_.resize(static_cast<std::size_t>(image.channels * image.plane()));
  for (std::size_t i = 0; i < stored_.size(); ++i) {
    const int value = image.deep ? image.deep[i] : image.pixels[i] * scale;
    stored_[i] = (std::clamp(value, low, high) - low) << kPointBits;
  }
  fitted_.resize(static_cast<std::size_t>(std::int64_t{spec_.channels} * spec_.height * spec_.width));
  fit_planes(image, stored_.data(), fitted_.data(), fixed_);
  const auto whole = static_cast<double>((high - low) << kPointBits);
  for (std::size_t i = 0; i < fitted_.size(); ++i)
    out[i] = static_cast<float>(std::min(1.0, fitted_[i] / whole));
  return "";
}

}  // namespace cnn
