#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/weighted_sum.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "kernels/pool-inl.h"
#include "kernels/sum_epilogue-inl.h"
#include "kernels/weighted_sum.h"

#ifndef CNN_KERNELS_WEIGHTED_SUM_ONCE
#define CNN_KERNELS_WEIGHTED_SUM_ONCE
namespace cnn {
namespace {

/// Pixels of a strip, which tiles divide. Every term of a 1x1 convolution reads from another page, so the
/// longer a strip, the fewer translations of addresses; beyond 24 pixels nothing was won. The panel stays in
/// the second-level cache: 96 KiB up to 256 terms, and 384 bytes a term from there on.
int panel_strip(int terms) { return std::clamp(96 * 1024 / (kLanes * 4) / terms / 3 * 3, 6, 24); }

}  // namespace
}  // namespace cnn
#endif

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {
namespace {

/// Where the weights of a tile lie.
enum class Weights { in_order, some, transposed };

/// acc = the finished sums of O outputs x P vectors, wherever they lie: all stay in registers over all terms.
/// Every weight is broadcast once for P vectors, every vector loaded once for O outputs; the shorter of the
/// two rows of operands waits in registers.
template <int O, int P, Weights kWeights>
HWY_INLINE void sums(const WeightedSum& s, const float* HWY_RESTRICT weights, const SumEpilogue& epilogue,
                     const float* const (&x)[P], V (&acc)[O][P]) {
  CNN_UNROLL for (int o = 0; o < O; ++o) {
    const V start = epilogue.bias ? broadcast(epilogue.bias[o]) : zero();
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
  finish(epilogue, acc);
}

template <int O, int P, Weights kWeights>
HWY_INLINE void tile(const WeightedSum& s, const float* weights, const SumEpilogue& epilogue,
                     const float* const (&x)[P], float* const (&y)[P]) {
  V acc[O][P];
  sums<O, P, kWeights>(s, weights, epilogue, x, acc);
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
HWY_INLINE void next_tile(const WeightedSum& s, const float* weights, const SumEpilogue& epilogue,
                          Walk& walk) {
  const float* x[P];
  float* y[P];
  CNN_UNROLL for (int p = 0; p < P; ++p) walk.next(x[p], y[p]);
  tile<O, P, kWeights>(s, weights, epilogue, x, y);
}

/// All vectors of the map, P at a time; the rest in powers of two.
template <int O, int P, Weights kWeights>
HWY_NOINLINE void outputs_of(const WeightedSum& s, int first, const float* x, float* y) {
  const std::int64_t in_group = first % kOutputGroup * (kWeights == Weights::transposed ? kOutputGroup : 1);
  // Without terms there need not be weights, and nothing may be added to a null pointer.
  const float* weights =
      s.terms > 0 ? s.weights + first / kOutputGroup * s.weights_group + in_group : nullptr;
  const SumEpilogue epilogue = s.epilogue.from(first);
  Walk walk(s, x + s.first_row * s.x_row, y + first * s.y_output + s.first_row * s.y_row);
  int left = (s.end_row - s.first_row) * s.cols * kParts;
  for (; left >= P; left -= P) next_tile<O, P, kWeights>(s, weights, epilogue, walk);
  if constexpr (P > 4) {
    if (left >= 4) next_tile<O, 4, kWeights>(s, weights, epilogue, walk), left -= 4;
  }
  if constexpr (P > 2) {
    if (left >= 2) next_tile<O, 2, kWeights>(s, weights, epilogue, walk), left -= 2;
  }
  if (left > 0) next_tile<O, 1, kWeights>(s, weights, epilogue, walk);
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
constexpr int kPooled = kRegisters == 32 ? 6 : 2;

/// All windows of the map for O outputs of one group.
template <int O>
HWY_NOINLINE void pooled_outputs(const WeightedSum& s, int first, const float* x0, float* y0) {
  const float* weights = s.weights + first / kOutputGroup * s.weights_group + first % kOutputGroup;
  const SumEpilogue epilogue = s.epilogue.from(first);
  const bool rectified = epilogue.rectifier != Rectifier::none;
  const int cols = s.cols / 2, first_row = s.first_row / 2, end_row = s.end_row / 2;
  const std::int64_t winners_row = std::int64_t{cols} * kLanes, winners_output = s.rows / 2 * winners_row;
  std::int32_t* winners = epilogue.winners;
  if (winners) winners += first * winners_output + first_row * winners_row;
  for (int row = first_row; row < end_row; ++row) {
    for (int col = 0; col < cols; ++col) {
      const int place = 2 * row * s.cols + 2 * col;
      for (int part = 0; part < kParts; ++part) {
        const float* const at = x0 + 2 * row * s.x_row + 2 * col * s.x_col + part * kWidth;
        const float* const x[4] = {at, at + s.x_col, at + s.x_row, at + s.x_row + s.x_col};
        V acc[O][4];
        sums<O, 4, Weights::in_order>(s, weights, epilogue, x, acc);
        float* const y = y0 + first * s.y_output + row * s.y_row + col * s.y_col + part * kWidth;
        CNN_UNROLL for (int o = 0; o < O; ++o) {
          Largest largest(acc[o][0], place);
          largest.meet(acc[o][1], place + 1);
          largest.meet(acc[o][2], place + s.cols);
          largest.meet(acc[o][3], place + s.cols + 1);
          store(largest.value, y + o * s.y_output);
          if (winners) largest.store_place(rectified, winners + o * winners_output + part * kWidth);
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

/// All outputs of the rows [first_row, end_row).
void all_outputs(const WeightedSum& s, const float* x, float* y) {
  int first = s.first_output;
  // To the end of a group of packed weights, or of all outputs.
  const auto count = [&] { return std::min(kOutputGroup - first % kOutputGroup, s.outputs - first); };
  if (s.epilogue.pool) {
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

/// What the terms read for `count` pixels from x on: panel[k][pixel], `strip` pixels each.
void fill_panel(const WeightedSum& s, int strip, const float* x, int count) {
  for (int k = 0; k < s.terms; ++k) {
    const float* from = x + s.offsets[k];
    float* to = s.panel + std::int64_t{k} * strip * kLanes;
    for (int pixel = 0; pixel < count; ++pixel, from += s.x_col, to += kLanes)
      CNN_UNROLL for (int part = 0; part < kParts; ++part)
          store(load(from + part * kWidth), to + part * kWidth);
  }
}

/// Strip after strip of pixels: first into the panel, then all outputs.
void sums_by_panel(const WeightedSum& given, const float* x, float* y) {
  const int strip = panel_strip(given.terms);
  WeightedSum s = given;
  auto* const offsets = reinterpret_cast<std::int32_t*>(s.panel + std::int64_t{s.terms} * strip * kLanes);
  for (int k = 0; k < s.terms; ++k) offsets[k] = k * strip * kLanes;
  s.offsets = offsets;
  s.first_row = 0, s.end_row = 1, s.x_col = kLanes;
  for (int row = given.first_row; row < given.end_row; ++row) {
    for (int col = 0; col < given.cols; col += strip) {
      s.cols = std::min(strip, given.cols - col);
      fill_panel(given, strip, x + row * given.x_row + col * given.x_col, s.cols);
      all_outputs(s, s.panel, y + row * given.y_row + col * given.y_col);
    }
  }
}

void weighted_sum(const WeightedSum& given, const float* x, float* y) {
  WeightedSum s = given;
  if (s.end_row < 0) s.end_row = s.rows;
  s.panel ? sums_by_panel(s, x, y) : all_outputs(s, x, y);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace cnn
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cnn {

std::int64_t panel_floats(int terms, int inputs, int outputs) {
  constexpr int kInputs = 16, kOutputs = 24;
  if (terms == 0 || inputs < kInputs || outputs < kOutputs) return 0;
  return std::int64_t{terms} * panel_strip(terms) * kLanes + terms;
}

HWY_EXPORT(pooling_pays);
bool pooling_pays() { return HWY_DYNAMIC_DISPATCH(pooling_pays)(); }

HWY_EXPORT(weighted_sum);
void weighted_sum(const WeightedSum& sum, const float* x, float* y) {
  HWY_DYNAMIC_DISPATCH(weighted_sum)(sum, x, y);
}

}  // namespace cnn
#endif
