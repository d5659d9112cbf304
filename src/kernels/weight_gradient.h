#pragma once

#include <cstdint>

#include "core/block.h"

namespace cnn {

/// Gradient of a convolution's kernel, from one block:
///
///     dw[o, k] = sum over pixels (r, c) and images of dy[o, r, c] * x[r*x_row + c*x_col + offset[k]]
///
/// o is oc, (r, c) is (oh, ow), k and offset are those of WeightedSum's convolution (kernels/letters.h). Sums
/// run over the pixels in row order, lane by lane, with fused multiply-adds; the 16 lanes are added last, in
/// a fixed tree.
struct WeightGradient {
  int outputs = 0;
  int terms = 0;
  const std::int32_t* offsets = nullptr;  ///< [terms], in floats
  int rows = 0, cols = 0;                 ///< pixels of dy
  std::int64_t x_row = 0, x_col = 0;      ///< in floats
  std::int64_t dy_row = 0;                ///< in floats; neighboring pixels lie side by side
  std::int64_t dy_output = 0;             ///< floats from one output's map to the next
};

/// Floats of scratch for one call.
constexpr std::int64_t weight_gradient_scratch(int terms) { return (4 * std::int64_t{terms} + 4) * 16; }

/// dw[o*terms + k]: overwritten, or added to if `accumulate`. Lanes without an image must have dy = 0.
/// `scratch` is 64-byte aligned.
void weight_gradient(const WeightGradient& gradient, const float* x, const float* dy, float* dw,
                     bool accumulate, float* scratch);

/// db[o] = sum of dy[o] over pixels and images; overwritten or added to.
void bias_gradient(BlockView<const float> dy, float* db, bool accumulate);

/// Gradient of a dense layer's weights from all blocks of a batch, for the inputs [first, first + count):
///
///     dw[o, i] = sum over blocks and images of dy[block][o] * x[block][i]
///
/// o is oc, i is ic. Here the sum runs over images, so the lanes are the wrong way round: x is transposed
/// (into `scratch`), inputs become the vector dimension, and each image adds a rank-1 update to a tile of
/// accumulators that stays in registers for a whole leaf. The images of a leaf are added in order: block by
/// block, lane by lane; the leaves in the order of kernels/sum_tree.h.
struct DenseGradient {
  int inputs = 0, outputs = 0;
  int leaves = 0;
  const int* leaf_ends = nullptr;  ///< [leaves], in blocks
  int blocks() const { return leaf_ends[leaves - 1]; }
  const float* x = nullptr;  ///< input i of block b at x + b*x_block + i*x_input
  std::int64_t x_input = 16;
  const float* dy = nullptr;  ///< block b's [outputs][16] at dy + b*dy_block
  std::int64_t x_block = 0, dy_block = 0;
};

/// Inputs that one call should take: what a tile of accumulators covers.
inline constexpr int kDenseGradientInputs = 48;

/// Floats of scratch for one call with `blocks` blocks.
constexpr std::int64_t dense_gradient_scratch(int blocks) {
  return std::int64_t{blocks} * 16 * kDenseGradientInputs;
}

/// Overwrites dw[o*inputs + i] for all outputs and the given inputs; count <= kDenseGradientInputs. Lanes
/// without an image must have dy = 0.
void dense_weight_gradient(const DenseGradient& gradient, int first, int count, float* scratch, float* dw);

/// db[o] = sum over blocks and images of dy[block][o]. Overwrites.
void dense_bias_gradient(const DenseGradient& gradient, float* db);

}  // namespace cnn
