#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/data_spec.h"
#include "data/image.h"

namespace cnn {

/// "PNG", "JPEG", ...: the formats that this build reads.
std::vector<std::string> readable_formats();

/// Decodes the content of an image file in one of these formats (the first frame or page), upright: the
/// orientation in EXIF or XMP is applied. The content decides what it is, whatever the name; only TGA, which
/// has no mark, is recognized by `name` (its ending). Sizes are checked before memory is asked for, and what
/// takes longer than the limit is a fault, as is a damaged or truncated file: never half a picture. The same
/// bytes on every machine. Any thread. target: what the image is made into afterwards, if it is known. A JPEG
/// much larger than that may then come at a part of its size; 16 bits and transparent parts become what it
/// says, see finish_image().
Decoded decode_image(std::string_view content, std::string_view name, const DecodeLimits& limits = {},
                     const ImageSpec* target = nullptr);

}  // namespace cnn
