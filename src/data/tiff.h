#pragma once

#include <string_view>

#include "data/cpu_deadline.h"
#include "data/data_spec.h"
#include "data/image.h"

namespace cnn {

/// True if this build has libtiff.
bool reads_tiff();

/// Decodes the first page of a TIFF: grey, RGB and palette, of 1 to 8 or 16 bits, in any compression that
/// libtiff has. Alpha is left out, of 16 bits the upper 8 are kept.
Decoded decode_tiff(std::string_view content, const DecodeLimits& limits, const CpuDeadline& deadline);

}  // namespace cnn
