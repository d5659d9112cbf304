#include "session/report_pictures.h"

#include <algorithm>
#include <cstring>

#include "report/picture.h"

namespace cnn {
namespace {

constexpr int kMostPixels = 128;

}  // namespace

std::string picture_address(const Dataset& dataset, std::int64_t image) {
  std::vector<std::byte> scratch;
  const std::byte* pixels = dataset.pixels(image, scratch);
  const auto count = static_cast<std::size_t>(dataset.values_per_image());
  const int c = dataset.channels(), h = dataset.height(), w = dataset.width();
  if (dataset.pixel_type() == PixelType::bytes)
    return png_address(shrunk(
        picture_of_bytes({reinterpret_cast<const std::uint8_t*>(pixels), count}, c, h, w), kMostPixels));
  std::vector<float> values(count);
  std::memcpy(values.data(), pixels, count * sizeof(float));
  // Numbers without a known range: from their least to their greatest.
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return png_address(
      shrunk(picture_of_floats(values, c, h, w, *low, *high > *low ? *high : *low + 1), kMostPixels));
}

}  // namespace cnn
