#pragma once

#include <string>
#include <string_view>

#include "data/image.h"

namespace cnn {

/// An image, or why there is none.
struct Decoded {
  Image image;        ///< 1 channel (grey) or 3 (RGB); alpha is dropped, 16 bits become 8
  std::string fault;  ///< "" if the image is good; else what to say after "<path>: "
};

/// Pixels that one image may have: 100 million. A file of 140 KB can promise more than any memory holds.
inline constexpr std::int64_t kLargestImage = 100'000'000;
/// Pixels of a side.
inline constexpr int kLargestSide = 65535;

/// "" if an image of this size may be decoded, else the fault.
std::string image_size_fault(std::int64_t height, std::int64_t width);

/// Decodes the content of a PNG, JPEG, BMP, GIF (first frame), PNM or TGA file, upright: the EXIF orientation
/// is applied. The content decides what it is, whatever the name; only TGA, which has no mark, is recognized
/// by `name` (its ending). Sizes are checked before memory is asked for. A damaged or truncated file is a
/// fault, not half a picture. The same bytes on every machine. Any thread.
Decoded decode_image(std::string_view content, std::string_view name);

}  // namespace cnn
