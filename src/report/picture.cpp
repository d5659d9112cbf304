#include "report/picture.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "report/html.h"

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb_image_write.h>
#pragma GCC diagnostic pop

namespace cnn {
namespace {

/// Numbers channel by channel to pixels, each through `byte_of`.
template <class Value, class ByteOf>
Picture interleaved(std::span<const Value> values, int channels, int height, int width,
                    const ByteOf& byte_of) {
  const std::size_t plane = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
  CNN_CHECK(channels >= 1 && values.size() == plane * static_cast<std::size_t>(channels),
            "{} values for {}x{}x{}", values.size(), channels, height, width);
  Picture picture{.channels = channels >= 3 ? 3 : 1, .height = height, .width = width, .pixels = {}};
  picture.pixels.reserve(plane * static_cast<std::size_t>(picture.channels));
  for (std::size_t p = 0; p < plane; ++p)
    for (std::size_t c = 0; c < static_cast<std::size_t>(picture.channels); ++c)
      picture.pixels.push_back(byte_of(values[c * plane + p]));
  return picture;
}

}  // namespace

Picture picture_of_bytes(std::span<const std::uint8_t> values, int channels, int height, int width) {
  return interleaved(values, channels, height, width, [](std::uint8_t value) { return value; });
}

Picture picture_of_floats(std::span<const float> values, int channels, int height, int width, float low,
                          float high) {
  return interleaved(values, channels, height, width, [&](float value) {
    const float share = (value - low) / (high - low);
    return static_cast<std::uint8_t>(share > 0 ? std::lround(255 * std::min(share, 1.0f)) : 0);
  });
}

Picture shrunk(const Picture& picture, int most) {
  const int factor = (std::max(picture.height, picture.width) + most - 1) / most;
  if (factor <= 1) return picture;
  Picture small{.channels = picture.channels,
                .height = (picture.height + factor - 1) / factor,
                .width = (picture.width + factor - 1) / factor,
                .pixels = {}};
  for (int y = 0; y < small.height; ++y)
    for (int x = 0; x < small.width; ++x)
      for (int c = 0; c < small.channels; ++c) {
        const int bottom = std::min((y + 1) * factor, picture.height),
                  right = std::min((x + 1) * factor, picture.width);
        std::int64_t sum = 0, count = 0;
        for (int py = y * factor; py < bottom; ++py)
          for (int px = x * factor; px < right; ++px, ++count)
            sum += picture.pixels[(static_cast<std::size_t>(py) * static_cast<std::size_t>(picture.width) +
                                   static_cast<std::size_t>(px)) *
                                      static_cast<std::size_t>(picture.channels) +
                                  static_cast<std::size_t>(c)];
        small.pixels.push_back(static_cast<std::uint8_t>((sum + count / 2) / count));
      }
  return small;
}

std::string png(int channels, int height, int width, const std::uint8_t* pixels) {
  std::string content;
  const auto append = [](void* context, void* data, int size) {
    static_cast<std::string*>(context)->append(static_cast<const char*>(data),
                                               static_cast<std::size_t>(size));
  };
  if (!stbi_write_png_to_func(append, &content, width, height, channels, pixels, width * channels))
    fail("a picture of {}x{} pixels cannot be encoded: out of memory", width, height);
  return content;
}

std::string png(const Picture& picture) {
  return png(picture.channels, picture.height, picture.width, picture.pixels.data());
}

std::string png_address(const Picture& picture) { return "data:image/png;base64," + base64(png(picture)); }

}  // namespace cnn
