#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/weight_gradient.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "kernels/lanes-inl.h"
#include "kernels/weight_gradient.h"

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {
namespace {

/// Tiles of accumulators: outputs x terms. AVX2's 16 registers hold 3x4 and one operand row.
constexpr int kTileOutputs = kRegisters == 32 ? 4 : 3;
constexpr int kTileTerms = kRegisters == 32 ? 6 : 4;

/// O outputs x K terms over the whole map; the lanes' sums go to sums[o*K + k][16].
template <int O, int K>
HWY_INLINE void tile(const WeightGradient& g, const std::int32_t* offsets, const float* x0, const float* dy0,
                     float* sums) {
  for (int part = 0; part < kParts; ++part) {
    V acc[O][K];
    CNN_UNROLL for (int o = 0; o < O; ++o) CNN_UNROLL for (int k = 0; k < K; ++k) acc[o][k] = zero();
    for (int row = 0; row < g.rows; ++row) {
      const float* x[K];
      CNN_UNROLL for (int k = 0; k < K; ++k) x[k] = x0 + row * g.x_row + offsets[k] + part * kWidth;
      const float* dy = dy0 + row * g.dy_row + part * kWidth;
      std::int64_t at = 0;
      for (int col = 0; col < g.cols; ++col, at += g.x_col, dy += kLanes) {
        V d[O];
        CNN_UNROLL for (int o = 0; o < O; ++o) d[o] = load(dy + o * g.dy_output);
        CNN_UNROLL for (int k = 0; k < K; ++k) {
          const V xv = load(x[k] + at);
          CNN_UNROLL for (int o = 0; o < O; ++o) acc[o][k] = hn::MulAdd(d[o], xv, acc[o][k]);
        }
      }
    }
    CNN_UNROLL for (int o = 0; o < O; ++o) {
      CNN_UNROLL for (int k = 0; k < K; ++k) store(acc[o][k], sums + (o * K + k) * kLanes + part * kWidth);
    }
  }
}

template <int O, int K>
HWY_NOINLINE void tile_and_sum(const WeightGradient& g, int first_term, const float* x, const float* dy,
                               float* dw, bool accumulate) {
  constexpr int kCount = (O * K + 3) / 4 * 4;
  HWY_ALIGN float sums[kCount * kLanes] = {};
  float totals[kCount];
  tile<O, K>(g, g.offsets + first_term, x, dy, sums);
  for (int i = 0; i < kCount; i += 4) sum_lanes4(sums + i * kLanes, totals + i);
  for (int o = 0; o < O; ++o) {
    float* out = dw + std::int64_t{o} * g.terms + first_term;
    for (int k = 0; k < K; ++k) out[k] = accumulate ? out[k] + totals[o * K + k] : totals[o * K + k];
  }
}

template <int O>
HWY_INLINE void outputs(const WeightGradient& g, int first_term, int terms, const float* x, const float* dy,
                        float* dw, bool accumulate) {
  switch (terms) {
    case 1:
      return tile_and_sum<O, 1>(g, first_term, x, dy, dw, accumulate);
    case 2:
      return tile_and_sum<O, 2>(g, first_term, x, dy, dw, accumulate);
    case 3:
      return tile_and_sum<O, 3>(g, first_term, x, dy, dw, accumulate);
    case 4:
      return tile_and_sum<O, 4>(g, first_term, x, dy, dw, accumulate);
    case 5:
      if constexpr (kTileTerms >= 5) return tile_and_sum<O, 5>(g, first_term, x, dy, dw, accumulate);
      break;
    case 6:
      if constexpr (kTileTerms >= 6) return tile_and_sum<O, 6>(g, first_term, x, dy, dw, accumulate);
      break;
  }
}

/// Cuts `total` into the fewest pieces of at most `largest`, as equal as can be: 25 taps are 5 pieces of 5.
template <class Body>
HWY_INLINE void in_pieces(int total, int largest, const Body& body) {
  const int pieces = (total + largest - 1) / largest;
  for (int piece = 0, first = 0; piece < pieces; ++piece) {
    const int size = (total - first) / (pieces - piece);
    body(first, size);
    first += size;
  }
}

void weight_gradient(const WeightGradient& g, const float* x, const float* dy, float* dw, bool accumulate) {
  in_pieces(g.outputs, kTileOutputs, [&](int first_output, int outputs_here) HWY_ATTR {
    const float* d = dy + first_output * g.dy_output;
    float* out = dw + std::int64_t{first_output} * g.terms;
    in_pieces(g.terms, kTileTerms, [&](int first_term, int terms) HWY_ATTR {
      switch (outputs_here) {
        case 1:
          return outputs<1>(g, first_term, terms, x, d, out, accumulate);
        case 2:
          return outputs<2>(g, first_term, terms, x, d, out, accumulate);
        case 3:
          return outputs<3>(g, first_term, terms, x, d, out, accumulate);
        case 4:
          if constexpr (kTileOutputs >= 4) return outputs<4>(g, first_term, terms, x, d, out, accumulate);
      }
    });
  });
}

/// Sums of C channels side by side: one alone would wait for the adder's latency at every pixel.
template <int C>
HWY_INLINE void channel_sums(BlockView<const float> dy, int first, float* db, bool accumulate) {
  HWY_ALIGN float sums[C * kLanes];
  for (int part = 0; part < kParts; ++part) {
    V acc[C];
    CNN_UNROLL for (int c = 0; c < C; ++c) acc[c] = zero();
    for (int row = 0; row < dy.h; ++row) {
      const float* d = dy.at(first, row, 0) + part * kWidth;
      for (int col = 0; col < dy.w; ++col, d += kLanes) {
        CNN_UNROLL for (int c = 0; c < C; ++c) acc[c] = hn::Add(acc[c], load(d + c * dy.plane * kLanes));
      }
    }
    CNN_UNROLL for (int c = 0; c < C; ++c) store(acc[c], sums + c * kLanes + part * kWidth);
  }
  for (int c = 0; c < C; ++c) {
    const float total = sum_lanes(sums + c * kLanes);
    db[first + c] = accumulate ? db[first + c] + total : total;
  }
}

void bias_gradient(BlockView<const float> dy, float* db, bool accumulate) {
  int first = 0;
  for (; dy.c - first >= 8; first += 8) channel_sums<8>(dy, first, db, accumulate);
  for (; dy.c - first >= 2; first += 2) channel_sums<2>(dy, first, db, accumulate);
  if (dy.c > first) channel_sums<1>(dy, first, db, accumulate);
}

/// O outputs x I vectors of inputs, over all blocks.
template <int O, int I>
HWY_INLINE void dense_tile(const DenseGradient& g, const float* transposed, const float* dy0, float* out,
                           std::int64_t out_pitch) {
  V acc[O][I];
  CNN_UNROLL for (int o = 0; o < O; ++o) CNN_UNROLL for (int i = 0; i < I; ++i) acc[o][i] = zero();
  const float* x = transposed;
  for (int block = 0; block < g.blocks; ++block) {
    const float* dy = dy0 + block * g.dy_block;
    for (int lane = 0; lane < kLanes; ++lane, x += kDenseGradientInputs) {
      V xv[I];
      CNN_UNROLL for (int i = 0; i < I; ++i) xv[i] = load(x + i * kWidth);
      CNN_UNROLL for (int o = 0; o < O; ++o) {
        const V d = broadcast(dy[o * kLanes + lane]);
        CNN_UNROLL for (int i = 0; i < I; ++i) acc[o][i] = hn::MulAdd(d, xv[i], acc[o][i]);
      }
    }
  }
  CNN_UNROLL for (int o = 0; o < O; ++o) {
    CNN_UNROLL for (int i = 0; i < I; ++i) store(acc[o][i], out + o * out_pitch + i * kWidth);
  }
}

void dense_weight_gradient(const DenseGradient& g, int first, int count, float* scratch, float* dw) {
  for (int block = 0; block < g.blocks; ++block) {
    const float* x = g.x + block * g.x_block + first * g.x_input;
    float* transposed = scratch + std::int64_t{block} * kLanes * kDenseGradientInputs;
    for (int lane = 0; lane < kLanes; ++lane) {
      for (int i = 0; i < count; ++i) transposed[lane * kDenseGradientInputs + i] = x[i * g.x_input + lane];
      for (int i = count; i < kDenseGradientInputs; ++i) transposed[lane * kDenseGradientInputs + i] = 0;
    }
  }
  constexpr int kOutputs = kRegisters == 32 ? 8 : 4;
  constexpr int kVectors = 3;
  HWY_ALIGN float tile_out[kOutputs * kDenseGradientInputs];
  for (int o = 0; o < g.outputs;) {
    const bool whole = g.outputs - o >= kOutputs;
    const float* dy = g.dy + std::int64_t{o} * kLanes;
    for (int i = 0; i < kDenseGradientInputs && i < count; i += kVectors * kWidth) {
      if (whole) {
        dense_tile<kOutputs, kVectors>(g, scratch + i, dy, tile_out + i, kDenseGradientInputs);
      } else {
        dense_tile<1, kVectors>(g, scratch + i, dy, tile_out + i, kDenseGradientInputs);
      }
    }
    const int done = whole ? kOutputs : 1;
    for (int row = 0; row < done; ++row, ++o)
      std::copy_n(tile_out + row * kDenseGradientInputs, count, dw + std::int64_t{o} * g.inputs + first);
  }
}

void dense_bias_gradient(const DenseGradient& g, float* db) {
  for (int o = 0; o < g.outputs; ++o) {
    float total = 0;
    for (int block = 0; block < g.blocks; ++block)
      total += sum_lanes(g.dy + block * g.dy_block + std::int64_t{o} * kLanes);
    db[o] = total;
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace cnn
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cnn {

HWY_EXPORT(weight_gradient);
void weight_gradient(const WeightGradient& gradient, const float* x, const float* dy, float* dw,
                     bool accumulate) {
  HWY_DYNAMIC_DISPATCH(weight_gradient)(gradient, x, dy, dw, accumulate);
}

HWY_EXPORT(bias_gradient);
void bias_gradient(BlockView<const float> dy, float* db, bool accumulate) {
  HWY_DYNAMIC_DISPATCH(bias_gradient)(dy, db, accumulate);
}

HWY_EXPORT(dense_weight_gradient);
void dense_weight_gradient(const DenseGradient& gradient, int first, int count, float* scratch, float* dw) {
  HWY_DYNAMIC_DISPATCH(dense_weight_gradient)(gradient, first, count, scratch, dw);
}

HWY_EXPORT(dense_bias_gradient);
void dense_bias_gradient(const DenseGradient& gradient, float* db) {
  HWY_DYNAMIC_DISPATCH(dense_bias_gradient)(gradient, db);
}

}  // namespace cnn
#endif
