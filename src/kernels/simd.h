#pragma once

#include <string>
#include <vector>

namespace cnn {

/// Names as in CNN_SIMD: "avx512", "avx2", "sse4", "neon".
/// The instruction sets this binary has and this machine can run, best first.
std::vector<std::string> supported_instruction_sets();

/// The one that kernels use now.
std::string instruction_set();

/// Makes kernels use this one. Throws Error (exit 2) that lists the supported ones. Not while kernels run.
void use_instruction_set(const std::string& name);

/// Follows the environment variable CNN_SIMD if it is set. Throws as use_instruction_set.
void use_instruction_set_from_environment();

}  // namespace cnn
