#pragma once

#include <string_view>

#include "data/cpu_deadline.h"
#include "data/data_spec.h"
#include "data/image.h"

namespace cnn {

/// Decodes a JPEG with libjpeg-turbo: baseline, progressive and arithmetic-coded ones of 8 bits, grey, color,
/// and the four inks of print (CMYK and YCCK, inverted as Adobe stores them). What the library calls corrupt
/// or premature is a fault: it would go on with grey. target: as in decode_image().
Decoded decode_jpeg(std::string_view content, const DecodeLimits& limits, const CpuDeadline& deadline,
                    const ImageSpec* target);

}  // namespace cnn
