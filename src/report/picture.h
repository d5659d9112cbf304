#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace cnn {

/// A small picture for a page or a file: rows of pixels, 1 (grey) or 3 (RGB) bytes each.
struct Picture {
  int channels = 1, height = 0, width = 0;
  std::vector<std::uint8_t> pixels;  ///< [H][W][channels]
};

/// Numbers [C][H][W] as a picture: three channels or more are taken as RGB, one or two as grey.
Picture picture_of_bytes(std::span<const std::uint8_t> values, int channels, int height, int width);

/// The same for any numbers: `low` becomes black and `high` white; what lies outside is cut off, NaN is
/// black.
Picture picture_of_floats(std::span<const float> values, int channels, int height, int width, float low,
                          float high);

/// Made smaller by a whole factor, each pixel the mean of those it stands for, so that no side is longer than
/// `most`. Smaller pictures stay as they are.
Picture shrunk(const Picture& picture, int most);

/// The content of a PNG file.
std::string png(const Picture& picture);
/// The same of pixels as they lie in a Picture. Throws Error (exit 1) if there is no memory for it.
std::string png(int channels, int height, int width, const std::uint8_t* pixels);

/// The same as an address: <img src="data:image/png;base64,...">.
std::string png_address(const Picture& picture);

}  // namespace cnn
