#pragma once

#include <string_view>

#include "data/cpu_deadline.h"
#include "data/data_spec.h"
#include "data/image.h"

namespace cnn {

/// Decodes the first frame of a GIF. What the frame leaves uncovered is black; a frame that sticks out makes
/// the image larger; transparent pixels keep their color. Codes may come without a clear code before them,
/// and after the table is full. Source: CompuServe, "Graphics Interchange Format, version 89a", and its
/// appendix F.
Decoded decode_gif(std::string_view content, const DecodeLimits& limits, const CpuDeadline& deadline);

}  // namespace cnn
