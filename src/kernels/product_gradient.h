#pragma once

#include <cstdint>

#include "core/block.h"

namespace cnn {

/// Gradient of a convolution's kernel, from one block, as a product of matrices for each tap:
///
///     dw[tap][o][i] = sum over pixels (r, c) and images of dy[o, r, c] * x[i, r*SH + kh*DH, c*SW + kw*DW]
///
/// What weight_gradient() computes (kernels/weight_gradient.h), for layers with so many channels that it
/// would read x from far away once for every few outputs. The sum runs over images, so the lanes are the
/// wrong way round: x and dy of a strip of the map are transposed, 16 channels become the vector, and each
/// image adds a rank-1 update to a tile of accumulators that stays in registers for the whole strip. A
/// strip's pixels are added in row order, image after image; the strips one after the other.
struct ProductGradient {
  int inputs = 0, outputs = 0;
  int kernel_rows = 1, kernel_cols = 1;      ///< KH, KW
  int stride_rows = 1, stride_cols = 1;      ///< SH, SW
  int dilation_rows = 1, dilation_cols = 1;  ///< DH, DW
  int rows = 0, cols = 0;                    ///< pixels of dy
  std::int64_t x_row = 0, x_plane = 0;       ///< pixels from one row, one channel of x to the next
  std::int64_t dy_row = 0, dy_plane = 0;     ///< the same of dy
  int taps() const { return kernel_rows * kernel_cols; }
};

/// Whether this is faster than weight_gradient(), without groups: transposing costs little beside the
/// products of many channels and taps, or x is so large that reading it again and again costs more. A fixed
/// rule: the order of the sum is another one. x_pixels: of all channels.
bool product_gradient_pays(int inputs, int outputs, int taps, std::int64_t x_pixels);

/// What transposing one channel of x costs, in products of a pixel and a weight.
double transposing_work(const ProductGradient& shape);

/// Floats of scratch for one call.
std::int64_t product_gradient_scratch(const ProductGradient& shape);

/// dw as TransposedGradient (kernels/transposed_gradient.h), for the outputs [first, end): overwritten, or
/// added to if `accumulate`. x: the first pixel of the first window; lanes without an image must have dy = 0.
/// `scratch` is 64-byte aligned.
void product_gradient(const ProductGradient& shape, int first, int end, const float* x, const float* dy,
                      float* dw, bool accumulate, float* scratch);

}  // namespace cnn
