#pragma once

#include <string_view>

#include "data/cpu_deadline.h"
#include "data/data_spec.h"
#include "data/image.h"

namespace cnn {

/// True if this build has libwebp.
bool reads_webp();

/// Decodes a WebP, of an animation the first frame on black. Alpha is left out.
Decoded decode_webp(std::string_view content, const DecodeLimits& limits, const CpuDeadline& deadline);

}  // namespace cnn
