#pragma once

#include <string_view>

#include "data/data_spec.h"
#include "data/image.h"

namespace cnn {

/// Decodes a BMP of Windows or OS/2 without compression: palettes of 1 to 8 bits, 16, 24 and 32 bits, any bit
/// fields, and the first bitmap of an OS/2 array ("BA"). Alpha is left out. A pixel whose color is not in the
/// palette is a fault.
/// Source: Microsoft, "Bitmap Header Types" (BITMAPCOREHEADER to BITMAPV5HEADER); OS/2 2.0,
/// BITMAPINFOHEADER2.
Decoded decode_bmp(std::string_view content, const DecodeLimits& limits);

}  // namespace cnn
