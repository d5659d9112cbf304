#pragma once

#include <cstdint>

#include "core/block.h"
#include "kernels/sum_epilogue.h"

namespace cnn {

/// A convolution of one map with one kernel, as depthwise convolutions have them for every channel, 16 images
/// at once:
///
///     y[r, c] = bias + sum over kh, kw of w[kh, kw] * x[r*SH + kh, c*SW + kw]
///
/// The bits are those of WeightedSum and WeightGradient. But a row of x is read once for all terms of a row
/// of the kernel, and the gradient adds up all terms of up to three rows of the kernel at once. Dilation is
/// not for this.
struct Depthwise {
  int kernel_rows = 0, kernel_cols = 0;  ///< KH, KW
  int stride_rows = 1, stride_cols = 1;  ///< SH, SW
  int rows = 0, cols = 0;                ///< of y
  int first_row = 0, end_row = 0;        ///< of y, that depthwise_sum() computes
  std::int64_t x_row = 0, y_row = 0;     ///< pixels from one row to the next
};

/// 3 or 5 columns, stride 1 or 2: what there is code for.
bool is_depthwise_kernel(int kernel_cols, int stride_cols);

/// Overwrites y. x: the first pixel of the first window. w: [KH][KW]; at stride 1 also turned around by 180
/// degrees (`flipped`), for the gradient of the input: the terms are added in the order of w then, too. The
/// epilogue is that of this channel, without a pooling.
void depthwise_sum(const Depthwise& shape, const float* w, bool flipped, const SumEpilogue& epilogue,
                   const float* x, float* y);

/// dw[kh, kw] = sum over pixels and images of dy * x, [KH][KW]: overwritten, or added to. dy is in the place
/// of y, zero in lanes without an image.
void depthwise_gradient(const Depthwise& shape, const float* x, const float* dy, float* dw, bool accumulate);

/// The gradient of the input at stride 2, both ways:
///
///     dx[ih, iw] = sum over kh, kw with ih + PH - kh, iw + PW - kw even of
///                  w[kh, kw] * dy[(ih + PH - kh) / 2, (iw + PW - kw) / 2]
struct DepthwiseBackward {
  int kernel_rows = 0, kernel_cols = 0;  ///< KH, KW
  int before_rows = 0, before_cols = 0;  ///< PH, PW
  int dy_rows = 0;
  int dx_rows = 0, dx_cols = 0;
  std::int64_t dy_row = 0, dx_row = 0;  ///< pixels from one row to the next
  /// Columns of zeros that are read before and behind dy's `dy_cols`.
  int zeros_before() const;
  int zeros_behind(int dy_cols) const;
};

/// Overwrites dx. w: [KH][KW]; KW as for depthwise_sum().
void depthwise_backward(const DepthwiseBackward& shape, const float* w, const float* dy, float* dx);

}  // namespace cnn
