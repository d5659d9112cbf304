#pragma once

#include <string_view>
#include <vector>

#include "data/cpu_deadline.h"
#include "data/data_spec.h"
#include "data/image.h"

namespace cnn {

/// "HEIC", "AVIF": those for which this build and the libraries of this machine have a decoder.
std::vector<const char*> heif_formats();

/// "HEIC" or "AVIF" by the brands of a file of this family, or nullptr for any other file, also a video.
const char* heif_kind(std::string_view content);

/// Decodes the primary image of a HEIC or AVIF file as 8-bit RGB; the library turns it upright. Alpha is left
/// out. libheif cannot be stopped: limits.pixels bounds its time.
Decoded decode_heif(std::string_view content, std::string_view kind, const DecodeLimits& limits,
                    const CpuDeadline& deadline);

}  // namespace cnn
