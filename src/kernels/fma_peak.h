#pragma once

#include <cstdint>

namespace cnn {

/// The yardstick of every speed in this project: what a loop of independent fused multiply-adds reaches on
/// this thread, with the instruction set in use. Machines are shared and their clocks move, so a rate means
/// little alone; its ratio to this one, measured in turns, does.
///
/// Runs `multiply_adds` of them (rounded up to whole loops), two floating-point operations each, and returns
/// the seconds. Multiply and add are separate operations where there is no fused one (SSE4).
double fma_seconds(std::int64_t multiply_adds);

}  // namespace cnn
