#pragma once

#include <cstdint>

#include "core/block.h"

namespace cnn {

/// Fewest pixels that normalize_bytes() takes.
inline constexpr int kNormalizedAtOnce = kLanes;

/// One row of 16 images into lanes: to[i*16 + l] = (rows[l][i] / 255 - mean) / std for the pixels i < count,
/// count >= kNormalizedAtOnce; 0 in lanes l >= images (images >= 1), whose rows are not looked at. `to` is
/// 64-byte aligned. The operations are those of the formula in float32, the quotients by multiplication with
/// the reciprocal and one correction (P. Markstein, "Computation of elementary functions on the IBM RISC
/// System/6000 processor", 1990), which rounds as a division does for nearly every divisor: see
/// normalizes_bytes_exactly().
void normalize_bytes(const std::uint8_t* const (&rows)[kLanes], int images, int count, float mean, float std,
                     float* to);

/// Whether normalize_bytes() gives the formula's own bits for all 256 bytes on the instruction set in use.
bool normalizes_bytes_exactly(float mean, float std);

}  // namespace cnn
