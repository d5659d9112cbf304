#pragma once

#include <string_view>

#include "data/cpu_deadline.h"
#include "data/data_spec.h"
#include "data/image.h"

namespace cnn {

/// Decodes a PNG of any kind, for finish_image().
Decoded decode_png(std::string_view content, const DecodeLimits& limits, const CpuDeadline& deadline);

}  // namespace cnn
