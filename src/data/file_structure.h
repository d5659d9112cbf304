#pragma once

#include <string_view>

#include "data/cpu_deadline.h"
#include "data/data_spec.h"
#include "data/structure_parts.h"

namespace cnn {

/// A PNG: chunks and checksums of the critical ones, the compressed data whole and as long as the size
/// promises, by its own checksum. Source: W3C PNG (third edition), sections 5 and 9.
FileStructure examine_png(std::string_view content, const DecodeLimits& limits, const CpuDeadline& deadline);

/// A JPEG: markers up to the end of the image, none of a kind that cannot be decoded.
/// Source: ITU-T T.81, annex B.
FileStructure examine_jpeg(std::string_view content, const DecodeLimits& limits);

/// A BMP without compression or with bit fields: size, and that every pixel's color exists.
FileStructure examine_bmp(std::string_view content, const DecodeLimits& limits);

/// A GIF: the size, and a content whose first frame has no transparent color (alpha is dropped).
FileStructure examine_gif(std::string_view content, const DecodeLimits& limits);

/// A TGA: size, and pixels present if they are not compressed.
FileStructure examine_tga(std::string_view content, const DecodeLimits& limits);

}  // namespace cnn
