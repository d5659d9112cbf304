#pragma once

#include <string>
#include <string_view>

#include "data/data_spec.h"
#include "data/image.h"

namespace cnn {

/// An image, or why there is none.
struct Decoded {
  Image image;        ///< 1 channel (grey) or 3 (RGB); alpha is dropped, 16 bits become 8
  std::string fault;  ///< "" if the image is good; else what to say after "<path>: "
};

/// Pixels of a side.
inline constexpr int kLargestSide = 65535;

/// "" if an image of this size may be decoded, else the fault.
std::string image_size_fault(std::int64_t height, std::int64_t width, const DecodeLimits& limits);

/// Decodes the content of a PNG, JPEG, BMP, GIF (first frame), PNM or TGA file, upright: the EXIF orientation
/// is applied. The content decides what it is, whatever the name; only TGA, which has no mark, is recognized
/// by `name` (its ending). Sizes are checked before memory is asked for, and what takes longer than the limit
/// is a fault, as is a damaged or truncated file: never half a picture. The same bytes on every machine. Any
/// thread.
Decoded decode_image(std::string_view content, std::string_view name, const DecodeLimits& limits = {});

}  // namespace cnn
