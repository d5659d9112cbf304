#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/depthwise.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "kernels/depthwise.h"
#include "kernels/sum_epilogue-inl.h"

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {
namespace {

/// Outputs side by side of a tile: their sums, and what a row of the kernel reads for them, are in registers.
constexpr int tile_outputs(int kernel, int stride) {
  if (kRegisters == 32) return 8;
  return stride == 1 ? (kernel == 3 ? 6 : 5) : (kernel == 3 ? 4 : 3);
}

/// P outputs from x and y on. Turned around, the first weight meets the last pixel of the window.
template <int KW, int SW, bool kFlipped, int P>
HWY_INLINE void sum_tile(const Depthwise& s, const float* w, const SumEpilogue& epilogue, const float* x,
                         float* y) {
  for (int part = 0; part < kLanes; part += kWidth) {
    V acc[1][P];
    const V start = epilogue.bias ? broadcast(*epilogue.bias) : zero();
    CNN_UNROLL for (int p = 0; p < P; ++p) acc[0][p] = start;
    const float* weight = w;
    const std::int64_t next_row = (kFlipped ? -s.x_row : s.x_row) * kLanes;
    const float* row = x + part - (kFlipped ? (s.kernel_rows - 1) * next_row : 0);
    for (int kh = 0; kh < s.kernel_rows; ++kh, row += next_row) {
      V in[(P - 1) * SW + KW];
      CNN_UNROLL for (int i = 0; i < (P - 1) * SW + KW; ++i) in[i] = load(row + i * kLanes);
      CNN_UNROLL for (int kw = 0; kw < KW; ++kw, ++weight) {
        const V of_term = broadcast(*weight);
        const int at = kFlipped ? KW - 1 - kw : kw;
        CNN_UNROLL for (int p = 0; p < P; ++p) acc[0][p] = hn::MulAdd(of_term, in[p * SW + at], acc[0][p]);
      }
    }
    finish(epilogue, acc);
    CNN_UNROLL for (int p = 0; p < P; ++p) store(acc[0][p], y + p * kLanes + part);
  }
}

/// Rows of at least P columns; the last tile of a row may compute what the one before it did.
template <int KW, int SW, bool kFlipped, int P>
HWY_NOINLINE void sum_rows(const Depthwise& s, const float* w, const SumEpilogue& epilogue, const float* x,
                           float* y) {
  for (int row = s.first_row; row < s.end_row; ++row) {
    const float* from = x + std::int64_t{row} * s.stride_rows * s.x_row * kLanes;
    float* to = y + row * s.y_row * kLanes;
    for (int next = 0; next < s.cols; next += P) {
      const int col = std::min(next, s.cols - P);
      sum_tile<KW, SW, kFlipped, P>(s, w, epilogue, from + col * SW * kLanes, to + col * kLanes);
    }
  }
}

template <int KW, int SW, bool kFlipped, int P = tile_outputs(KW, SW)>
HWY_INLINE void sum_map(const Depthwise& s, const float* w, const SumEpilogue& epilogue, const float* x,
                        float* y) {
  if constexpr (P > 1) {
    if (s.cols < P) return sum_map<KW, SW, kFlipped, P / 2>(s, w, epilogue, x, y);
  }
  sum_rows<KW, SW, kFlipped, P>(s, w, epilogue, x, y);
}

/// The terms of R rows of the kernel.
template <int KW, int R>
HWY_NOINLINE void gradient_rows(const Depthwise& s, const float* x, const float* dy, float* dw,
                                bool accumulate) {
  HWY_ALIGN float sums[R * KW * kLanes];
  const std::int64_t x_row = s.x_row * kLanes, x_col = std::int64_t{s.stride_cols} * kLanes;
  for (int part = 0; part < kLanes; part += kWidth) {
    V acc[R][KW];
    CNN_UNROLL for (auto& row : acc) CNN_UNROLL for (V& sum : row) sum = zero();
    for (int row = 0; row < s.rows; ++row) {
      const float* from = x + row * s.stride_rows * x_row + part;
      const float* at = dy + row * s.y_row * kLanes + part;
      for (int col = 0; col < s.cols; ++col, from += x_col, at += kLanes) {
        const V d = load(at);
        CNN_UNROLL for (int r = 0; r < R; ++r) {
          CNN_UNROLL for (int kw = 0; kw < KW; ++kw) acc[r][kw] =
              hn::MulAdd(d, load(from + r * x_row + kw * kLanes), acc[r][kw]);
        }
      }
    }
    CNN_UNROLL for (int r = 0; r < R; ++r) {
      CNN_UNROLL for (int kw = 0; kw < KW; ++kw) store(acc[r][kw], sums + (r * KW + kw) * kLanes + part);
    }
  }
  for (int term = 0; term < R * KW; ++term) {
    const float total = sum_lanes(sums + term * kLanes);
    dw[term] = accumulate ? dw[term] + total : total;
  }
}

/// As many rows of the kernel at once as there are registers for, and no more than 3: 9 sums are enough to
/// hide how long a multiply-add takes.
template <int KW>
HWY_INLINE void gradient_map(const Depthwise& s, const float* x, const float* dy, float* dw,
                             bool accumulate) {
  constexpr int kMost = KW == 3 || kRegisters == 32 ? 3 : 2;
  for (int kh = 0; kh < s.kernel_rows;) {
    const int left = s.kernel_rows - kh;
    const float* from = x + kh * s.x_row * kLanes;
    float* to = dw + kh * KW;
    if (kMost >= 3 && left >= 3) {
      gradient_rows<KW, kMost>(s, from, dy, to, accumulate), kh += kMost;
    } else if (left >= 2) {
      gradient_rows<KW, 2>(s, from, dy, to, accumulate), kh += 2;
    } else {
      gradient_rows<KW, 1>(s, from, dy, to, accumulate), kh += 1;
    }
  }
}

void depthwise_sum(const Depthwise& s, const float* w, bool flipped, const SumEpilogue& epilogue,
                   const float* x, float* y) {
  const bool three = s.kernel_cols == 3;
  if (flipped)  // at stride 1
    return three ? sum_map<3, 1, true>(s, w, epilogue, x, y) : sum_map<5, 1, true>(s, w, epilogue, x, y);
  if (s.stride_cols == 1)
    return three ? sum_map<3, 1, false>(s, w, epilogue, x, y) : sum_map<5, 1, false>(s, w, epilogue, x, y);
  three ? sum_map<3, 2, false>(s, w, epilogue, x, y) : sum_map<5, 2, false>(s, w, epilogue, x, y);
}

void depthwise_gradient(const Depthwise& s, const float* x, const float* dy, float* dw, bool accumulate) {
  s.kernel_cols == 3 ? gradient_map<3>(s, x, dy, dw, accumulate) : gradient_map<5>(s, x, dy, dw, accumulate);
}

/// A row of dx, P pairs of columns at a time: those of even and of odd number meet different taps. kOdd: PW
/// is odd.
template <int KW, bool kOdd, int P>
HWY_INLINE void backward_tile(const DepthwiseBackward& s, int row, const float* w, const float* dy, float* dx,
                              int cols) {
  constexpr int kBefore = KW / 2, kReads = P + kBefore + 1;  // of dy, for P pairs
  for (int part = 0; part < kLanes; part += kWidth) {
    V even[P], odd[P];
    CNN_UNROLL for (int p = 0; p < P; ++p) even[p] = odd[p] = zero();
    for (int kh = (row + s.before_rows) % 2; kh < s.kernel_rows; kh += 2) {
      const int oh = (row + s.before_rows - kh) / 2;
      if (row + s.before_rows < kh || oh >= s.dy_rows) continue;
      const float* from = dy + oh * s.dy_row * kLanes - kBefore * kLanes + part;
      V in[kReads];
      CNN_UNROLL for (int i = 0; i < kReads; ++i) in[i] = load(from + i * kLanes);
      CNN_UNROLL for (int kw = 0; kw < KW; ++kw) {
        const V of_tap = broadcast(w[kh * KW + kw]);
        const bool of_odd = (kw + kOdd) % 2 != 0;
        const int at = kBefore + (of_odd + kOdd - kw + KW + 1) / 2 - (KW + 1) / 2;
        CNN_UNROLL for (int p = 0; p < P; ++p) {
          V& sum = of_odd ? odd[p] : even[p];
          sum = hn::MulAdd(of_tap, in[p + at], sum);
        }
      }
    }
    CNN_UNROLL for (int p = 0; p < P; ++p) {
      if (2 * p < cols) store(even[p], dx + 2 * p * kLanes + part);
      if (2 * p + 1 < cols) store(odd[p], dx + (2 * p + 1) * kLanes + part);
    }
  }
}

template <int KW, bool kOdd>
HWY_NOINLINE void backward_map(const DepthwiseBackward& s, const float* w, const float* dy, float* dx) {
  constexpr int kPairs = kRegisters == 32 ? 8 : 3;
  const float* const first = dy + s.before_cols / 2 * kLanes;
  for (int row = 0; row < s.dx_rows; ++row) {
    float* const to = dx + row * s.dx_row * kLanes;
    const int pairs = (s.dx_cols + 1) / 2;
    int j = 0;
    for (; j + kPairs <= pairs; j += kPairs)
      backward_tile<KW, kOdd, kPairs>(s, row, w, first + j * kLanes, to + 2 * j * kLanes, s.dx_cols - 2 * j);
    for (; j < pairs; ++j)
      backward_tile<KW, kOdd, 1>(s, row, w, first + j * kLanes, to + 2 * j * kLanes, s.dx_cols - 2 * j);
  }
}

void depthwise_backward(const DepthwiseBackward& s, const float* w, const float* dy, float* dx) {
  const bool odd = s.before_cols % 2 != 0;
  if (s.kernel_cols == 3)
    return odd ? backward_map<3, true>(s, w, dy, dx) : backward_map<3, false>(s, w, dy, dx);
  return odd ? backward_map<5, true>(s, w, dy, dx) : backward_map<5, false>(s, w, dy, dx);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace cnn
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cnn {

bool is_depthwise_kernel(int kernel_cols, int stride_cols) {
  return (kernel_cols == 3 || kernel_cols == 5) && (stride_cols == 1 || stride_cols == 2);
}

HWY_EXPORT(depthwise_sum);
void depthwise_sum(const Depthwise& shape, const float* w, bool flipped, const SumEpilogue& epilogue,
                   const float* x, float* y) {
  HWY_DYNAMIC_DISPATCH(depthwise_sum)(shape, w, flipped, epilogue, x, y);
}

int DepthwiseBackward::zeros_before() const { return std::max(0, kernel_cols / 2 - before_cols / 2); }

int DepthwiseBackward::zeros_behind(int dy_cols) const {
  return std::max(0, (dx_cols + 1) / 2 + before_cols / 2 + 1 - dy_cols);
}

HWY_EXPORT(depthwise_backward);
void depthwise_backward(const DepthwiseBackward& shape, const float* w, const float* dy, float* dx) {
  HWY_DYNAMIC_DISPATCH(depthwise_backward)(shape, w, dy, dx);
}

HWY_EXPORT(depthwise_gradient);
void depthwise_gradient(const Depthwise& shape, const float* x, const float* dy, float* dw, bool accumulate) {
  HWY_DYNAMIC_DISPATCH(depthwise_gradient)(shape, x, dy, dw, accumulate);
}

}  // namespace cnn
#endif
