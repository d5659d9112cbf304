#pragma once

#include <cstdint>

#include "core/block.h"
#include "kernels/pieces.h"

namespace cnn {

/// The form in which kernels whose vectors are channels leave a convolution's weight gradient: the inputs
/// innermost, dw[tap][o][i], i up to the inputs rounded up to 16; tap is kh*KW + kw.
struct TransposedGradient {
  int taps = 0, inputs = 0, outputs = 0;

  /// Floats from one output to the next, from one tap to the next, and in all.
  std::int64_t output() const { return round_up(inputs, kLanes); }
  std::int64_t tap() const { return outputs * output(); }
  std::int64_t floats() const { return taps * tap(); }
};

/// Adds up the gradients of `leaves` leaves, `stride` floats apart, in the order of kernels/sum_tree.h, and
/// brings them into PyTorch's layout: gradient[(o*inputs + i)*taps + tap] for the outputs [first, last).
void sum_transposed_leaves(const TransposedGradient& layout, const float* dw, std::int64_t stride, int leaves,
                           float* gradient, int first, int last);

}  // namespace cnn
