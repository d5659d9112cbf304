#pragma once

#include <string_view>

#include "data/data_spec.h"
#include "data/structure_parts.h"

namespace cnn {

/// A PNG: chunks, and the checksums of the critical ones. The compressed data may still end early.
/// Source: W3C PNG (third edition), section 5.
FileStructure examine_png(std::string_view content, const DecodeLimits& limits);

}  // namespace cnn
