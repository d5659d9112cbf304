#pragma once

#include <string_view>

#include "data/data_spec.h"
#include "data/image.h"

namespace cnn {

/// Decodes the content of a PNG, JPEG, BMP, GIF (first frame), PNM or TGA file, upright: the EXIF orientation
/// is applied. The content decides what it is, whatever the name; only TGA, which has no mark, is recognized
/// by `name` (its ending). Sizes are checked before memory is asked for, and what takes longer than the limit
/// is a fault, as is a damaged or truncated file: never half a picture. The same bytes on every machine. Any
/// thread.
Decoded decode_image(std::string_view content, std::string_view name, const DecodeLimits& limits = {});

}  // namespace cnn
