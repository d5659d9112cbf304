#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/sum_epilogue.h"

namespace cnn {

/// The one sum behind convolution and dense layers, forward and for the gradient of their input:
///
///     y[o, r, c] = bias[o] + sum over k of w[o, k] * x[r*x_row + c*x_col + offset[k]]
///
/// and what SumEpilogue says of it,
/// for every output o and every pixel (r, c) of a map, 16 images at once (x and y are pixels of 16 floats).
/// In the letters of kernels/letters.h:
/// - convolution: o is oc, (r, c) is (oh, ow), k runs over (ic, kh, kw), offset[k] = ic*plane + kh*DH*row +
///   kw*DW, and neighboring outputs lie a stride (SH, SW) apart in x;
/// - its input gradient: x is dy, o is ic, k runs over (oc, kh, kw) with the kernel flipped; a stride s
///   splits the map into s*s phases, each with the taps that reach it;
/// - dense: one pixel a block, o is oc, k is ic, offset[k] = k.
/// The terms are added in the order of k with fused multiply-adds, starting from the bias, on every
/// instruction set and for every tile, so the bits do not depend on either (SSE4 has no fused multiply-add).
struct WeightedSum {
  /// The outputs [first_output, outputs) are computed. weights, epilogue and y are those of output 0.
  int first_output = 0;
  int outputs = 0;
  int terms = 0;
  /// Weights come in groups of 8 outputs: w[o, k] = weights[(o/8)*weights_group + k*weights_term + o%8].
  /// pack_weights() makes this layout.
  const float* weights = nullptr;
  std::int64_t weights_group = 0;
  std::int64_t weights_term = 0;
  /// [terms]: where term k's weights are, in floats from the group's first; null: k*weights_term. For sums
  /// over some of the packed terms.
  const std::int32_t* weight_offsets = nullptr;
  /// The weights were packed for the sum that goes the other way, y to x, whose outputs are the terms here:
  /// w[o, k] = weights[(o/8)*weights_group + weight_offsets[k] + (o%8)*8], with weights_group = 64 and
  /// offsets_of_packed_outputs().
  bool transposed = false;
  const std::int32_t* offsets = nullptr;  ///< [terms], in floats
  int rows = 0, cols = 0;                 ///< pixels of y
  int first_row = 0, end_row = -1;    ///< the rows that are computed, even numbers with a pooling; -1: all
  std::int64_t x_row = 0, x_col = 0;  ///< in floats
  std::int64_t y_row = 0, y_col = 0;  ///< in floats
  std::int64_t y_output = 0;          ///< floats from one output's map to the next
  /// Scratch of panel_floats() floats, or null. A few pixels of a row are taken at a time: what all terms
  /// read for them goes there first, close together, and then into the sums of all outputs. Not with a
  /// pooling.
  float* panel = nullptr;
  SumEpilogue epilogue;  ///< with a pooling: weights in order only
};

/// Whether a sum with a pooling is faster than max_pool_forward() behind it: on instruction sets with 32
/// registers. The bits are the same.
bool pooling_pays();

/// Overwrites y. x and y must not overlap; both 64-byte aligned with pitches in whole pixels.
void weighted_sum(const WeightedSum& sum, const float* x, float* y);

/// Floats of a panel for terms over so many maps; 0 where filling it costs more than it saves: for few
/// outputs, or few maps, whose rows stay in the cache by themselves.
std::int64_t panel_floats(int terms, int inputs, int outputs);

/// Outputs in one group of packed weights.
inline constexpr int kOutputGroup = 8;

/// Floats that pack_weights() fills.
constexpr std::int64_t packed_size(int outputs, int terms) {
  return std::int64_t{(outputs + kOutputGroup - 1) / kOutputGroup} * terms * kOutputGroup;
}

/// Where output o of pack_weights() begins, (o/8)*terms*8 + o%8, for all `outputs`: the weight_offsets of the
/// transposed sum, whose terms they are.
std::vector<std::int32_t> offsets_of_packed_outputs(int outputs, int terms);

/// packed[o/8][k][o%8] = w[o*output_stride + term_index[k]] for the groups in [first_group, last_group); the
/// last group is filled up with zeros.
void pack_weights(const float* w, int outputs, std::int64_t output_stride,
                  std::span<const std::int32_t> term_index, float* packed, int first_group, int last_group);

}  // namespace cnn
