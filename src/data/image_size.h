#pragma once

#include <cstdint>
#include <string>

#include "data/data_spec.h"

namespace cnn {

/// Pixels of a side.
inline constexpr int kLargestSide = 65535;

/// "" if an image of this size may be decoded, else the fault.
std::string image_size_fault(std::int64_t height, std::int64_t width, const DecodeLimits& limits);

}  // namespace cnn
