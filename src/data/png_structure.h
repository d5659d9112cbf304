#pragma once

#include <string_view>

#include "data/cpu_deadline.h"
#include "data/data_spec.h"
#include "data/structure_parts.h"

namespace cnn {

/// A PNG: chunks and checksums of the critical ones, the compressed data whole and as long as the size
/// promises, by its own checksum. Source: W3C PNG (third edition), sections 5 and 9.
FileStructure examine_png(std::string_view content, const DecodeLimits& limits, const CpuDeadline& deadline);

}  // namespace cnn
