#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cnn {

/// An image of bytes as the data room passes it around: [C][H][W], channel by channel, row by row.
struct Image {
  int channels = 0, height = 0, width = 0;
  std::vector<std::uint8_t> pixels;
};

/// An image, or why there is none.
struct Decoded {
  Image image;        ///< 1 channel (grey) or 3 (RGB); alpha is dropped, 16 bits become 8
  std::string fault;  ///< "" if the image is good; else what to say after "<path>: "
};

/// The pixels of an image in somebody else's memory.
struct ImageView {
  const std::uint8_t* pixels = nullptr;
  int channels = 0, height = 0, width = 0;

  ImageView(const std::uint8_t* pixels_, int channels_, int height_, int width_)
      : pixels(pixels_), channels(channels_), height(height_), width(width_) {}
  ImageView(const Image& image)
      : pixels(image.pixels.data()), channels(image.channels), height(image.height), width(image.width) {}

  std::int64_t plane() const { return std::int64_t{height} * width; }
};

}  // namespace cnn
