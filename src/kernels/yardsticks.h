#pragma once

#include <cstdint>

namespace cnn {

// The yardsticks of every speed in this project: what this thread reaches at most, with the instruction set
// in use. Machines are shared and their clocks move, so a rate means little alone; its ratio to these,
// measured in turns, does.

/// A loop of independent fused multiply-adds.
///
/// Runs `multiply_adds` of them (rounded up to whole loops), two floating-point operations each, and returns
/// the seconds. Multiply and add are separate operations where there is no fused one (SSE4).
double fma_seconds(std::int64_t multiply_adds);

/// A loop that copies `floats` floats, a multiple of 16, both 64-byte aligned. Returns the seconds.
double copy_seconds(const float* from, std::int64_t floats, float* to);

}  // namespace cnn
