#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/weighted_sum.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "kernels/lanes-inl.h"
#include "kernels/weighted_sum.h"

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {
namespace {

/// O outputs x P pixels, wherever the pixels lie: O*P accumulators stay in registers over all terms. Every
/// weight is broadcast once for P pixels, every pixel loaded once for O outputs.
template <int O, int P, bool kSome>
HWY_INLINE void tile(const WeightedSum& s, const float* HWY_RESTRICT weights, const float* bias,
                     const float* const (&x)[P], float* const (&y)[P]) {
  V acc[O][P];
  CNN_UNROLL for (int o = 0; o < O; ++o) {
    const V start = bias ? broadcast(bias[o]) : zero();
    CNN_UNROLL for (int p = 0; p < P; ++p) acc[o][p] = start;
  }
  const std::int32_t* HWY_RESTRICT offsets = s.offsets;
  const int terms = s.terms;
  const std::int64_t step = s.weights_term;
  for (int k = 0; k < terms; ++k) {
    const std::int64_t offset = offsets[k];
    V xv[P];
    CNN_UNROLL for (int p = 0; p < P; ++p) xv[p] = load(x[p] + offset);
    const float* HWY_RESTRICT of_term = kSome ? weights + s.weight_offsets[k] : weights;
    CNN_UNROLL for (int o = 0; o < O; ++o) {
      const V w = broadcast(of_term[o]);
      CNN_UNROLL for (int p = 0; p < P; ++p) acc[o][p] = hn::MulAdd(w, xv[p], acc[o][p]);
    }
    if constexpr (!kSome) weights += step;
  }
  CNN_UNROLL for (int o = 0; o < O; ++o) {
    CNN_UNROLL for (int p = 0; p < P; ++p) {
      V v = acc[o][p];
      // Compare and select: a maximum would turn NaN into 0 on x86.
      if (s.relu) v = hn::IfThenElse(hn::Lt(v, zero()), zero(), v);
      store(v, y[p] + o * s.y_output);
    }
  }
}

/// Walks over the pixels of the map, P at a time, the rest one by one.
template <int O, int P, bool kSome>
HWY_NOINLINE void outputs_of(const WeightedSum& s, int first, const float* x0, float* y0) {
  const float* weights = s.weights + first / kOutputGroup * s.weights_group + first % kOutputGroup;
  const float* bias = s.bias ? s.bias + first : nullptr;
  y0 += first * s.y_output;
  for (int part = 0; part < kParts; ++part) {
    int row = 0, col = 0;
    const auto next = [&](const float*& x, float*& y) HWY_ATTR {
      x = x0 + row * s.x_row + col * s.x_col + part * kWidth;
      y = y0 + row * s.y_row + col * s.y_col + part * kWidth;
      if (++col == s.cols) col = 0, ++row;
    };
    int left = s.rows * s.cols;
    for (; left >= P; left -= P) {
      const float* x[P];
      float* y[P];
      for (int p = 0; p < P; ++p) next(x[p], y[p]);
      tile<O, P, kSome>(s, weights, bias, x, y);
    }
    for (; left > 0; --left) {
      const float* x[1];
      float* y[1];
      next(x[0], y[0]);
      tile<O, 1, kSome>(s, weights, bias, x, y);
    }
  }
}

template <int O, int P>
HWY_INLINE void outputs(const WeightedSum& s, int first, const float* x, float* y) {
  return s.weight_offsets ? outputs_of<O, P, true>(s, first, x, y) : outputs_of<O, P, false>(s, first, x, y);
}

/// Up to 8 outputs. The tiles leave room in the register file for P pixels and one weight.
HWY_INLINE void group(const WeightedSum& s, int first, int count, const float* x, float* y) {
  if constexpr (kRegisters == 32) {
    switch (count) {
      case 8:
        return outputs<8, 3>(s, first, x, y);
      case 7:
        return outputs<7, 3>(s, first, x, y);
      case 6:
        return outputs<6, 4>(s, first, x, y);
      case 5:
        return outputs<5, 5>(s, first, x, y);
      case 4:
        return outputs<4, 6>(s, first, x, y);
      case 3:
        return outputs<3, 7>(s, first, x, y);
      case 2:
        return outputs<2, 8>(s, first, x, y);
      default:
        return outputs<1, 8>(s, first, x, y);
    }
  } else {
    if (s.rows * s.cols < 3 && count == 8) return outputs<8, 1>(s, first, x, y);
    for (; count >= 4; count -= 4, first += 4) outputs<4, 3>(s, first, x, y);
    switch (count) {
      case 3:
        return outputs<3, 3>(s, first, x, y);
      case 2:
        return outputs<2, 5>(s, first, x, y);
      case 1:
        return outputs<1, 6>(s, first, x, y);
    }
  }
}

void weighted_sum(const WeightedSum& s, const float* x, float* y) {
  for (int first = 0; first < s.outputs; first += kOutputGroup)
    group(s, first, std::min(kOutputGroup, s.outputs - first), x, y);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace cnn
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cnn {

HWY_EXPORT(weighted_sum);
void weighted_sum(const WeightedSum& sum, const float* x, float* y) {
  HWY_DYNAMIC_DISPATCH(weighted_sum)(sum, x, y);
}

void pack_weights(const float* w, int outputs, std::int64_t output_stride,
                  std::span<const std::int32_t> term_index, float* packed, int first_group, int last_group) {
  const std::size_t terms = term_index.size();
  for (int group = first_group; group < last_group; ++group) {
    const int count = std::min(kOutputGroup, outputs - group * kOutputGroup);
    const float* source = w + group * kOutputGroup * output_stride;
    float* target = packed + group * static_cast<std::int64_t>(terms) * kOutputGroup;
    for (std::size_t k = 0; k < terms; ++k, target += kOutputGroup)
      for (int o = 0; o < kOutputGroup; ++o)
        target[o] = o < count ? source[o * output_stride + term_index[k]] : 0.0f;
  }
}

}  // namespace cnn
#endif
