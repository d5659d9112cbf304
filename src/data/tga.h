#pragma once

#include <string_view>

#include "data/data_spec.h"
#include "data/image.h"

namespace cnn {

/// Decodes a TGA: palette, color and grey, packed or not, stored from any corner. Alpha is left out.
/// Source: Truevision TGA File Format Specification, version 2.0.
Decoded decode_tga(std::string_view content, const DecodeLimits& limits);

}  // namespace cnn
