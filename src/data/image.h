#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cnn {

/// Of an image that was decoded at a part of its size: each pixel stands for factor x factor pixels of the
/// whole one. The last row and column of the file may lie partly outside of it.
struct Reduction {
  int factor = 1;
  int height = 0, width = 0;  ///< of the whole image; 0: factor is 1
  double top = 0, left = 0;   ///< where it begins, in pixels of the small one
};

/// What a file holds that its pixels, once they are bytes without alpha, no longer show.
struct FileTraits {
  bool deep = false;                  ///< more than 8 bits a value
  std::uint16_t least = 0, most = 0;  ///< of the values of a deep one
  bool transparent = false;           ///< some alpha is not full
};

/// An image as the data room passes it around: [C][H][W], channel by channel, row by row, of bytes.
struct Image {
  int channels = 0, height = 0, width = 0;
  std::vector<std::uint8_t> pixels;
  Reduction reduction = {};
  std::vector<std::uint16_t> deep = {};  ///< in place of `pixels` where ImageSpec::depth asks for it
  int white = 255;                       ///< the value that stands for 1
  FileTraits traits = {};
  /// Only between decoder and finish_image(): [H][W], from 0 to white.
  std::vector<std::uint16_t> alpha = {};
  bool premultiplied = false;  ///< the colors already are multiplied by alpha

  int full_height() const { return reduction.factor > 1 ? reduction.height : height; }
  int full_width() const { return reduction.factor > 1 ? reduction.width : width; }
};

/// An image, or why there is none.
struct Decoded {
  Image image;        ///< 1 channel (grey) or 3 (RGB)
  std::string fault;  ///< "" if the image is good; else what to say after "<path>: "
};

/// The pixels of an image in somebody else's memory.
struct ImageView {
  const std::uint8_t* pixels = nullptr;
  int channels = 0, height = 0, width = 0;
  Reduction reduction = {};
  const std::uint16_t* deep = nullptr;  ///< null: `pixels` has them
  int white = 255;

  ImageView(const std::uint8_t* pixels_, int channels_, int height_, int width_)
      : pixels(pixels_), channels(channels_), height(height_), width(width_) {}
  ImageView(const Image& image)
      : pixels(image.pixels.data()),
        channels(image.channels),
        height(image.height),
        width(image.width),
        reduction(image.reduction),
        deep(image.deep.empty() ? nullptr : image.deep.data()),
        white(image.white) {}

  std::int64_t plane() const { return std::int64_t{height} * width; }
  int full_height() const { return reduction.factor > 1 ? reduction.height : height; }
  int full_width() const { return reduction.factor > 1 ? reduction.width : width; }
};

}  // namespace cnn
