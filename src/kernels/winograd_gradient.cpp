#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/winograd_gradient.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "kernels/outer_product-inl.h"
#include "kernels/transposed_gradient.h"
#include "kernels/winograd-inl.h"
#include "kernels/winograd.h"
#include "kernels/winograd_gradient_scratch.h"

namespace cnn {
using namespace winograd;
}

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {
namespace {

/// One dimension of A dY A^T.
HWY_INLINE void gradient_transform(const V (&y)[kTile], V (&t)[kReach]) {
  const V a = broadcast(kA), b = broadcast(kB), a2 = broadcast(kA * kA), b2 = broadcast(kB * kB);
  const V even_a = hn::MulAdd(a2, y[2], y[0]), odd_a = hn::MulAdd(a2, y[3], y[1]);
  const V even_b = hn::MulAdd(b2, y[2], y[0]), odd_b = hn::MulAdd(b2, y[3], y[1]);
  t[0] = y[0];
  t[1] = hn::MulAdd(a, odd_a, even_a);
  t[2] = hn::NegMulAdd(a, odd_a, even_a);
  t[3] = hn::MulAdd(b, odd_b, even_b);
  t[4] = hn::NegMulAdd(b, odd_b, even_b);
  t[5] = y[3];
}

/// A dY A^T: the 4x4 gradients at dy to the 36 positions of d.
HWY_INLINE void transform_gradient(const float* dy, std::int64_t row, std::int64_t col, float* d,
                                   std::int64_t position) {
  transform_tile<kTile, kReach>(
      [&](int r, int c) HWY_ATTR { return load(dy + r * row + c * col); },
      [](const V(&in)[kTile], V(&out)[kReach]) HWY_ATTR { gradient_transform(in, out); },
      [&](int r, int c, V t) HWY_ATTR { store(t, d + (r * kReach + c) * position); });
}

/// m[o][i] += sum over k of d[k][o] * v[k][i]: O outputs, C vectors of inputs. d and v are panels of 16
/// channels.
template <int O, int C>
HWY_NOINLINE void outer_product(const float* HWY_RESTRICT d, const float* const (&v0)[C], std::int64_t terms,
                                float* HWY_RESTRICT m, std::int64_t m_output, bool accumulate) {
  const float* v[C];
  CNN_UNROLL for (int c = 0; c < C; ++c) v[c] = v0[c];
  V acc[O][C];
  CNN_UNROLL for (int o = 0; o < O; ++o) {
    CNN_UNROLL for (int c = 0; c < C; ++c) acc[o][c] =
        accumulate ? load(m + o * m_output + c * kWidth) : zero();
  }
  for (std::int64_t at = 0; at < terms * kLanes; at += kLanes) {
    V x[C];
    CNN_UNROLL for (int c = 0; c < C; ++c) x[c] = load(v[c] + at);
    CNN_UNROLL for (int o = 0; o < O; ++o) {
      const V g = broadcast(d[at + o]);
      CNN_UNROLL for (int c = 0; c < C; ++c) acc[o][c] = hn::MulAdd(g, x[c], acc[o][c]);
    }
  }
  CNN_UNROLL for (int o = 0; o < O; ++o) {
    CNN_UNROLL for (int c = 0; c < C; ++c) store(acc[o][c], m + o * m_output + c * kWidth);
  }
}

/// One dimension of G^T M G.
HWY_INLINE void kernel_gradient_transform(const V (&m)[kReach], V (&t)[3]) {
  const V sum_a = hn::Mul(broadcast(kGA), hn::Add(m[1], m[2])),
          sum_b = hn::Mul(broadcast(kGB), hn::Add(m[3], m[4]));
  const V difference_a = hn::Sub(m[1], m[2]), difference_b = hn::Sub(m[3], m[4]);
  t[0] = hn::MulAdd(broadcast(kG0), m[0], hn::Add(sum_a, sum_b));
  t[1] = hn::MulAdd(broadcast(kB * kGB), difference_b, hn::Mul(broadcast(kA * kGA), difference_a));
  t[2] = hn::MulAdd(broadcast(kB * kB), sum_b, hn::MulAdd(broadcast(kA * kA), sum_a, m[5]));
}

/// G^T M G for one vector of inputs: the 36 positions of m to the 9 taps of dw.
HWY_INLINE void transform_kernel_gradient(const float* m, std::int64_t position, float* dw, std::int64_t tap,
                                          bool accumulate) {
  transform_tile<kReach, 3>([&](int r, int c) HWY_ATTR { return load(m + (r * kReach + c) * position); },
                            [](const V(&in)[kReach], V(&out)[3])
                                HWY_ATTR { kernel_gradient_transform(in, out); },
                            [&](int r, int c, V t) HWY_ATTR {
                              float* out = dw + (r * 3 + c) * tap;
                              store(accumulate ? hn::Add(load(out), t) : t, out);
                            });
}

/// A strip of tiles on its way into a weight gradient.
struct GradientStrip {
  int row, col, rows, cols;  ///< tiles
};

/// Here the sum runs over images, so the lanes are the wrong way round: 16 channels become the vector, as in
/// dense_weight_gradient(). x and dy of a strip are transposed once, transformed, and multiplied, for a few
/// inputs and outputs at a time. Transformed, channels lie in panels of 16, so that the products read in one
/// straight line: v[position][panel][tile and image][input of the panel], and d likewise.
class WinogradGradient {
 public:
  /// shape: of some outputs; all_outputs: in dw.
  WinogradGradient(const Winograd& shape, int all_outputs, const float* x, const float* dy, float* dw,
                   bool accumulate, float* scratch)
      : s_(shape),
        all_outputs_(all_outputs),
        parts_(shape),
        x_(x),
        dy_(dy),
        dw_(dw),
        accumulate_(accumulate),
        xt_(scratch),
        dyt_(xt_ + parts_.x_panel),
        v_(dyt_ + parts_.dy_floats),
        d_(v_ + kPositions * parts_.v_position),
        sums_(d_ + kPositions * parts_.d_position) {}

  void run() {
    int number = 0;
    for (int row = 0; row < s_.tile_rows(); row += parts_.rows)
      for (int col = 0; col < s_.tile_cols(); col += parts_.cols)
        take({row, col, std::min(parts_.rows, s_.tile_rows() - row),
              std::min(parts_.cols, s_.tile_cols() - col)},
             number++);
  }

 private:
  void take(const GradientStrip& strip, int number) {
    for (int o = 0; o < s_.outputs; o += kLanes) transpose_dy(strip, o);
    float* sums = sums_;
    for (int i = 0; i < s_.inputs; i += kInputsOfGradient) {
      const int inputs = std::min(kInputsOfGradient, s_.inputs - i);
      for (int k = 0; k < inputs; k += kLanes) {
        transpose_x(strip, i + k);
        transform(xt_, kTile * strip.cols + 2, strip, parts_.v_position, v_ + k / kLanes * parts_.panel,
                  [](auto... arguments) HWY_ATTR { transform_input(arguments...); });
      }
      for (int o = 0; o < s_.outputs; o += kOutputsOfGradient) {
        const int outputs = std::min(kOutputsOfGradient, s_.outputs - o);
        transform(dyt_ + o / kLanes * parts_.dy_panel, kTile * strip.cols, strip, parts_.d_position, d_,
                  [](auto... arguments) HWY_ATTR { transform_gradient(arguments...); });
        for (int position = 0; position < kPositions; ++position)
          products(strip, position, inputs, outputs, number > 0, sums);
        if (number == parts_.strips - 1) finish(i, inputs, o, outputs, sums);
        if (parts_.sums > 1) sums += kPositions * parts_.sum_position;
      }
    }
  }

  void transpose_dy(const GradientStrip& strip, int o) {
    float* to = dyt_ + o / kLanes * parts_.dy_panel;
    for (int r = 0; r < kTile * strip.rows; ++r)
      for (int c = 0; c < kTile * strip.cols; ++c, to += GradientScratch::kPixel) {
        const int row = kTile * strip.row + r, col = kTile * strip.col + c;
        const bool inside = row < s_.rows && col < s_.cols;
        transpose_lanes(inside ? dy_ + (o * s_.y_plane + row * s_.y_row + col) * kLanes : dy_,
                        s_.y_plane * kLanes, inside ? s_.outputs - o : 0, to, kLanes);
      }
  }

  void transpose_x(const GradientStrip& strip, int i) {
    float* to = xt_;
    for (int r = 0; r < kTile * strip.rows + 2; ++r)
      for (int c = 0; c < kTile * strip.cols + 2; ++c, to += GradientScratch::kPixel)
        transpose_lanes(
            x_ + (i * s_.x_plane + (kTile * strip.row + r) * s_.x_row + kTile * strip.col + c) * kLanes,
            s_.x_plane * kLanes, s_.inputs - i, to, kLanes);
  }

  /// A panel: all tiles and images of a strip. cols: pixels of a transposed row.
  template <class Transform>
  HWY_INLINE void transform(const float* from, int cols, const GradientStrip& strip, std::int64_t position,
                            float* to, const Transform& transform) {
    constexpr std::int64_t kPixel = GradientScratch::kPixel;
    for (int r = 0; r < strip.rows; ++r)
      for (int c = 0; c < strip.cols; ++c) {
        const float* in = from + kTile * (std::int64_t{r} * cols + c) * kPixel;
        for (int i = 0; i < kLanes * kLanes; i += kWidth, to += kWidth)
          transform(in + i, cols * kPixel, kPixel, to, position);
      }
  }

  /// The sums of one position: a few outputs (a panel of d) by the vectors of v.
  HWY_INLINE void products(const GradientStrip& strip, int position, int inputs, int outputs, bool accumulate,
                           float* sums) {
    const std::int64_t terms = std::int64_t{strip.rows} * strip.cols * kLanes;
    const int vectors = static_cast<int>(round_up(inputs, kLanes) / kWidth);
    const float* v = v_ + position * parts_.v_position;
    const float* d = d_ + position * parts_.d_position;
    float* m = sums + position * parts_.sum_position;
    for_vector_tiles(vectors, [&]<int C>(int i, std::integral_constant<int, C>) HWY_ATTR {
      const float* of_columns[C];
      for (int c = 0; c < C; ++c)
        of_columns[c] = v + (i + c) / kParts * parts_.panel + (i + c) % kParts * kWidth;
      for_output_tiles(outputs, [&]<int O>(int o, std::integral_constant<int, O>) HWY_ATTR {
        outer_product<O, C>(d + o, of_columns, terms, m + o * parts_.inputs + i * kWidth, parts_.inputs,
                            accumulate);
      });
    });
  }

  void finish(int first_input, int inputs, int first_output, int outputs, const float* sums) {
    const TransposedGradient layout{.taps = 9, .inputs = s_.inputs, .outputs = all_outputs_};
    for (int o = 0; o < outputs; ++o)
      for (int i = 0; i < inputs; i += kWidth)
        transform_kernel_gradient(sums + o * parts_.inputs + i, parts_.sum_position,
                                  dw_ + (first_output + o) * layout.output() + first_input + i, layout.tap(),
                                  accumulate_);
  }

  const Winograd& s_;
  const int all_outputs_;
  const GradientScratch parts_;
  const float *x_, *dy_;
  float* dw_;
  bool accumulate_;
  float* xt_;      ///< [row][column][image][input], of a strip and a panel of inputs
  float* dyt_;     ///< [panel][row][column][image][output], of a strip
  float *v_, *d_;  ///< transformed: [position][panel][tile and image][input], and of a panel of outputs
  float* sums_;    ///< [pair of groups][position][output][input]
};

void winograd_weight_gradient(const Winograd& s, int first, int end, const float* x, const float* dy,
                              float* dw, bool accumulate, float* scratch) {
  Winograd part = s;
  part.outputs = end - first;
  WinogradGradient(part, s.outputs, x, dy + first * s.y_plane * kLanes,
                   dw + first * round_up(s.inputs, kLanes), accumulate, scratch)
      .run();
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace cnn
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cnn {

std::int64_t winograd_gradient_scratch(const Winograd& shape) { return GradientScratch(shape).floats(); }

HWY_EXPORT(winograd_weight_gradient);
void winograd_weight_gradient(const Winograd& shape, int first, int end, const float* x, const float* dy,
                              float* dw, bool accumulate, float* scratch) {
  HWY_DYNAMIC_DISPATCH(winograd_weight_gradient)(shape, first, end, x, dy, dw, accumulate, scratch);
}

}  // namespace cnn
#endif
