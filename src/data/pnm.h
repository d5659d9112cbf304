#pragma once

#include <string_view>

#include "data/data_spec.h"
#include "data/image.h"

namespace cnn {

/// Decodes a PBM, PGM or PPM, plain or binary (P1 .. P6), any largest value up to 65535 (it becomes 255).
/// Source: the format descriptions of Netpbm, pbm(5), pgm(5), ppm(5).
Decoded decode_pnm(std::string_view content, const DecodeLimits& limits);

}  // namespace cnn
