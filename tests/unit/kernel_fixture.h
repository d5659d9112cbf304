#pragma once

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "catch.h"
#include "core/aligned_buffer.h"
#include "core/random.h"
#include "kernels/simd.h"

namespace cnn {

inline constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
inline constexpr float kCanary = 12345.0f;

/// Runs a check on every instruction set of this machine.
template <class Check>
void on_every_set(const Check& check) {
  for (const std::string& set : supported_instruction_sets()) {
    use_instruction_set(set);
    INFO("instruction set " << set);
    check();
  }
  use_instruction_set(supported_instruction_sets().front());
}

/// Small integers: products and sums are exact in float, so results compare exactly.
inline AlignedBuffer integers(std::int64_t count, Random& random) {
  AlignedBuffer buffer(count);
  for (float& v : buffer.span()) v = static_cast<float>(static_cast<int>(random.below(9)) - 4);
  return buffer;
}

/// [0, cut) and [cut, size), whichever are not empty.
inline std::vector<std::pair<int, int>> two_parts(int cut, int size) {
  std::vector<std::pair<int, int>> parts;
  cut = std::min(cut, size);
  if (cut > 0) parts.emplace_back(0, cut);
  if (cut < size) parts.emplace_back(cut, size);
  return parts;
}

}  // namespace cnn
