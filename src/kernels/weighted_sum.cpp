#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/weighted_sum.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "kernels/pool-inl.h"
#include "kernels/weighted_sum.h"

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {
namespace {

/// Where the weights of a tile lie.
enum class Weights { in_order, some, transposed };

/// acc = bias + sums, after the ReLU if there is one, of O outputs x P vectors, wherever they lie: O*P
/// accumulators stay in registers over all terms. Every weight is broadcast once for P vectors, every vector
/// loaded once for O outputs; the shorter of the two rows of operands waits in registers.
template <int O, int P, Weights kWeights>
HWY_INLINE void sums(const WeightedSum& s, const float* HWY_RESTRICT weights, const float* bias,
                     const float* const (&x)[P], V (&acc)[O][P]) {
  CNN_UNROLL for (int o = 0; o < O; ++o) {
    const V start = bias ? broadcast(bias[o]) : zero();
    CNN_UNROLL for (int p = 0; p < P; ++p) acc[o][p] = start;
  }
  const std::int32_t* HWY_RESTRICT offsets = s.offsets;
  const int terms = s.terms;
  const std::int64_t step = s.weights_term, next_group = s.weights_group;
  const auto weight = [next_group](const float* of_term, int o) HWY_ATTR {
    if constexpr (kWeights == Weights::transposed) return broadcast(of_term[o * kOutputGroup]);
    return broadcast(of_term[o / kOutputGroup * next_group + o % kOutputGroup]);
  };
  for (int k = 0; k < terms; ++k) {
    const std::int64_t offset = offsets[k];
    const float* HWY_RESTRICT of_term =
        kWeights == Weights::in_order ? weights : weights + s.weight_offsets[k];
    if constexpr (O < P) {
      V w[O];
      CNN_UNROLL for (int o = 0; o < O; ++o) w[o] = weight(of_term, o);
      CNN_UNROLL for (int p = 0; p < P; ++p) {
        const V xv = load(x[p] + offset);
        CNN_UNROLL for (int o = 0; o < O; ++o) acc[o][p] = hn::MulAdd(w[o], xv, acc[o][p]);
      }
    } else {
      V xv[P];
      CNN_UNROLL for (int p = 0; p < P; ++p) xv[p] = load(x[p] + offset);
      CNN_UNROLL for (int o = 0; o < O; ++o) {
        const V w = weight(of_term, o);
        CNN_UNROLL for (int p = 0; p < P; ++p) acc[o][p] = hn::MulAdd(w, xv[p], acc[o][p]);
      }
    }
    if constexpr (kWeights == Weights::in_order) weights += step;
  }
  if (s.relu) {
    // Compare and select: a maximum would turn NaN into 0 on x86.
    CNN_UNROLL for (int o = 0; o < O; ++o) {
      CNN_UNROLL for (int p = 0; p < P; ++p) acc[o][p] =
          hn::IfThenZeroElse(hn::Lt(acc[o][p], zero()), acc[o][p]);
    }
  }
}

template <int O, int P, Weights kWeights>
HWY_INLINE void tile(const WeightedSum& s, const float* weights, const float* bias,
                     const float* const (&x)[P], float* const (&y)[P]) {
  V acc[O][P];
  sums<O, P, kWeights>(s, weights, bias, x, acc);
  const std::int64_t y_output = s.y_output;
  CNN_UNROLL for (int o = 0; o < O; ++o) {
    CNN_UNROLL for (int p = 0; p < P; ++p) store(acc[o][p], y[p] + o * y_output);
  }
}

/// Walks over the vectors of a map: the parts of a pixel, the pixels of a row, the rows. The parts lie
/// innermost so that a cache line is used up before the next.
class Walk {
 public:
  Walk(const WeightedSum& s, const float* x, float* y)
      : x_(x),
        y_(y),
        cols_(s.cols),
        x_pixel_(s.x_col - kLanes),
        y_pixel_(s.y_col - kLanes),
        x_line_(s.x_row - s.cols * s.x_col),
        y_line_(s.y_row - s.cols * s.y_col) {}

  HWY_INLINE void next(const float*& x, float*& y) {
    x = x_ + x_at_;
    y = y_ + y_at_;
    x_at_ += kWidth;
    y_at_ += kWidth;
    if (++part_ < kParts) return;
    part_ = 0;
    x_at_ += x_pixel_;
    y_at_ += y_pixel_;
    if (++col_ < cols_) return;
    col_ = 0;
    x_at_ += x_line_;
    y_at_ += y_line_;
  }

 private:
  const float* x_;
  float* y_;
  int cols_, part_ = 0, col_ = 0;
  std::int64_t x_at_ = 0, y_at_ = 0;
  std::int64_t x_pixel_, y_pixel_, x_line_, y_line_;  ///< from behind a pixel or row to the next one
};

template <int O, int P, Weights kWeights>
HWY_INLINE void next_tile(const WeightedSum& s, const float* weights, const float* bias, Walk& walk) {
  const float* x[P];
  float* y[P];
  CNN_UNROLL for (int p = 0; p < P; ++p) walk.next(x[p], y[p]);
  tile<O, P, kWeights>(s, weights, bias, x, y);
}

/// All vectors of the map, P at a time; the rest in powers of two.
template <int O, int P, Weights kWeights>
HWY_NOINLINE void outputs_of(const WeightedSum& s, int first, const float* x, float* y) {
  const std::int64_t in_group = first % kOutputGroup * (kWeights == Weights::transposed ? kOutputGroup : 1);
  // Without terms there need not be weights, and nothing may be added to a null pointer.
  const float* weights =
      s.terms > 0 ? s.weights + first / kOutputGroup * s.weights_group + in_group : nullptr;
  const float* bias = s.bias ? s.bias + first : nullptr;
  Walk walk(s, x + s.first_row * s.x_row, y + first * s.y_output + s.first_row * s.y_row);
  int left = (s.end_row - s.first_row) * s.cols * kParts;
  for (; left >= P; left -= P) next_tile<O, P, kWeights>(s, weights, bias, walk);
  if constexpr (P > 4) {
    if (left >= 4) next_tile<O, 4, kWeights>(s, weights, bias, walk), left -= 4;
  }
  if constexpr (P > 2) {
    if (left >= 2) next_tile<O, 2, kWeights>(s, weights, bias, walk), left -= 2;
  }
  if (left > 0) next_tile<O, 1, kWeights>(s, weights, bias, walk);
}

template <int O, int P>
HWY_INLINE void outputs(const WeightedSum& s, int first, const float* x, float* y) {
  if (s.transposed) return outputs_of<O, P, Weights::transposed>(s, first, x, y);
  if (s.weight_offsets) return outputs_of<O, P, Weights::some>(s, first, x, y);
  outputs_of<O, P, Weights::in_order>(s, first, x, y);
}

/// Outputs of a tile for a single vector.
constexpr int kWide = 2 * kOutputGroup;

/// Up to 8 outputs. The tiles leave room in the register file for the operands.
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
        return outputs<3, 8>(s, first, x, y);
      case 2:
        return outputs<2, 8>(s, first, x, y);
      default:
        return outputs<1, 8>(s, first, x, y);
    }
  } else {
    switch (count) {
      case 6:
        return outputs<6, 2>(s, first, x, y);
      case 5:
        return outputs<5, 2>(s, first, x, y);
    }
    for (; count >= 4; count -= 4, first += 4) outputs<4, 3>(s, first, x, y);
    switch (count) {
      case 3:
        return outputs<3, 4>(s, first, x, y);
      case 2:
        return outputs<2, 6>(s, first, x, y);
      case 1:
        return outputs<1, 8>(s, first, x, y);
    }
  }
}

/// Outputs of a tile that pools: four vectors a window.
constexpr int kPooled = kRegisters == 32 ? 6 : 3;

/// All windows of the map for O outputs of one group.
template <int O>
HWY_NOINLINE void pooled_outputs(const WeightedSum& s, int first, const float* x0, float* y0) {
  const float* weights = s.weights + first / kOutputGroup * s.weights_group + first % kOutputGroup;
  const float* bias = s.bias ? s.bias + first : nullptr;
  const int cols = s.cols / 2, first_row = s.first_row / 2, end_row = s.end_row / 2;
  const std::int64_t winners_row = std::int64_t{cols} * kLanes, winners_output = s.rows / 2 * winners_row;
  std::int32_t* winners = s.winners ? s.winners + first * winners_output + first_row * winners_row : nullptr;
  for (int row = first_row; row < end_row; ++row) {
    for (int col = 0; col < cols; ++col) {
      const int place = 2 * row * s.cols + 2 * col;
      for (int part = 0; part < kParts; ++part) {
        const float* const at = x0 + 2 * row * s.x_row + 2 * col * s.x_col + part * kWidth;
        const float* const x[4] = {at, at + s.x_col, at + s.x_row, at + s.x_row + s.x_col};
        V acc[O][4];
        sums<O, 4, Weights::in_order>(s, weights, bias, x, acc);
        float* const y = y0 + first * s.y_output + row * s.y_row + col * s.y_col + part * kWidth;
        CNN_UNROLL for (int o = 0; o < O; ++o) {
          Largest largest(acc[o][0], place);
          largest.meet(acc[o][1], place + 1);
          largest.meet(acc[o][2], place + s.cols);
          largest.meet(acc[o][3], place + s.cols + 1);
          store(largest.value, y + o * s.y_output);
          if (winners) largest.store_place(s.relu, winners + o * winners_output + part * kWidth);
        }
      }
      if (winners) winners += kLanes;
    }
  }
}

template <int O = kPooled>
HWY_INLINE void pooled_tile(int size, const WeightedSum& s, int first, const float* x, float* y) {
  if constexpr (O > 0) {
    if (size == O) return pooled_outputs<O>(s, first, x, y);
    pooled_tile<O - 1>(size, s, first, x, y);
  }
}

/// Up to 8 outputs, cut as evenly as can be: two tiles of 4 are faster than one of 6 and one of 2.
HWY_INLINE void pooled_group(const WeightedSum& s, int first, int count, const float* x, float* y) {
  for (int tiles = (count + kPooled - 1) / kPooled; tiles > 0; --tiles) {
    const int size = count / tiles;
    pooled_tile(size, s, first, x, y);
    first += size, count -= size;
  }
}

bool pooling_pays() { return kRegisters == 32; }

void weighted_sum(const WeightedSum& given, const float* x, float* y) {
  WeightedSum s = given;
  if (s.end_row < 0) s.end_row = s.rows;
  int first = s.first_output;
  // To the end of a group of packed weights, or of all outputs.
  const auto count = [&] { return std::min(kOutputGroup - first % kOutputGroup, s.outputs - first); };
  if (s.pool) {
    for (; first < s.outputs; first += count()) pooled_group(s, first, count(), x, y);
    return;
  }
  if constexpr (kRegisters == 32) {
    // A single vector (a dense layer): one group's sums alone would wait for each other.
    if (s.rows * s.cols * kParts == 1 && first % kOutputGroup == 0)
      for (; s.outputs - first >= kWide; first += kWide) outputs<kWide, 1>(s, first, x, y);
  }
  for (; first < s.outputs; first += count()) group(s, first, count(), x, y);
}

void pack_weights(const float* w, int outputs, std::int64_t output_stride,
                  std::span<const std::int32_t> term_index, float* packed, int first_group, int last_group) {
  const std::size_t terms = term_index.size();
  for (int group = first_group; group < last_group; ++group) {
    const int count = std::min(kOutputGroup, outputs - group * kOutputGroup);
    const float* source = w + group * kOutputGroup * output_stride;
    float* target = packed + group * static_cast<std::int64_t>(terms) * kOutputGroup;
    for (std::size_t k = 0; k < terms;) {
      const std::int32_t first = term_index[k];
      if (count == kOutputGroup && k + 4 <= terms && term_index[k + 1] == first + 1 &&
          term_index[k + 2] == first + 2 && term_index[k + 3] == first + 3) {  // rows become columns
        for (int o = 0; o < kOutputGroup; o += 4) {
          const float* row = source + o * output_stride + first;
          const float* rows[4] = {row, row + output_stride, row + 2 * output_stride, row + 3 * output_stride};
          transpose4(rows, target + o, kOutputGroup);
        }
        k += 4;
        target += 4 * kOutputGroup;
        continue;
      }
      for (int o = 0; o < kOutputGroup; ++o) target[o] = o < count ? source[o * output_stride + first] : 0.0f;
      ++k;
      target += kOutputGroup;
    }
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace cnn
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cnn {

std::vector<std::int32_t> offsets_of_packed_outputs(int outputs, int terms) {
  std::vector<std::int32_t> offsets;
  for (int o = 0; o < outputs; ++o)
    offsets.push_back((o / kOutputGroup * terms * kOutputGroup) + o % kOutputGroup);
  return offsets;
}

HWY_EXPORT(pooling_pays);
bool pooling_pays() { return HWY_DYNAMIC_DISPATCH(pooling_pays)(); }

HWY_EXPORT(weighted_sum);
void weighted_sum(const WeightedSum& sum, const float* x, float* y) {
  HWY_DYNAMIC_DISPATCH(weighted_sum)(sum, x, y);
}

HWY_EXPORT(pack_weights);
void pack_weights(const float* w, int outputs, std::int64_t output_stride,
                  std::span<const std::int32_t> term_index, float* packed, int first_group, int last_group) {
  HWY_DYNAMIC_DISPATCH(pack_weights)
  (w, outputs, output_stride, term_index, packed, first_group, last_group);
}

}  // namespace cnn
#endif
