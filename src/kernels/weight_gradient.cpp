#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/weight_gradient.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstdlib>

#include "kernels/lanes-inl.h"
#include "kernels/weight_gradient.h"

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {
namespace {

/// Most terms of a tile with `outputs` outputs: outputs*terms accumulators, a register for each output's dy
/// and one for x fit the register file, and 5x5 kernels are cut into rows of 5 where that costs nothing.
constexpr int tile_terms(int outputs) {
  if (kRegisters == 32) return outputs == 4 ? 6 : 8;
  return outputs == 3 ? 4 : outputs == 2 ? 6 : 8;
}
constexpr int kTileOutputs = kRegisters == 32 ? 4 : 3;

/// Rows of dy that one pass over the terms takes: what it reads again and again, dy of the tile's outputs and
/// the x of one input map, should stay in the first-level cache.
int rows_in_strip(const WeightGradient& g, int outputs) {
  constexpr std::int64_t kFloats = 24 * 1024 / 4;
  const std::int64_t row = outputs * std::int64_t{g.cols} * kLanes + std::abs(g.x_row);
  return static_cast<int>(std::clamp<std::int64_t>(kFloats / row, 1, g.rows));
}

/// O outputs x K terms over `rows` rows: adds to the lanes' sums at sums[(o*terms + k)*16], or begins them.
template <int O, int K>
HWY_NOINLINE void tile(const WeightGradient& g, int first_term, int rows, const float* x0, const float* dy0,
                       float* sums, bool begin) {
  std::int64_t offset[K];
  for (int k = 0; k < K; ++k) offset[k] = g.offsets[first_term + k];
  sums += std::int64_t{first_term} * kLanes;
  const std::int64_t sums_output = std::int64_t{g.terms} * kLanes, dy_output = g.dy_output, x_col = g.x_col;
  const std::int64_t x_line = g.x_row - g.cols * x_col, dy_line = g.dy_row - std::int64_t{g.cols} * kLanes;
  for (int part = 0; part < kParts; ++part) {
    float* of_part = sums + part * kWidth;
    V acc[O][K];
    CNN_UNROLL for (int o = 0; o < O; ++o) {
      CNN_UNROLL for (int k = 0; k < K; ++k) acc[o][k] =
          begin ? zero() : load(of_part + o * sums_output + k * kLanes);
    }
    const float* HWY_RESTRICT x = x0 + part * kWidth;
    const float* HWY_RESTRICT dy = dy0 + part * kWidth;
    for (int row = 0; row < rows; ++row, x += x_line, dy += dy_line) {
      for (int col = 0; col < g.cols; ++col, x += x_col, dy += kLanes) {
        V d[O];
        CNN_UNROLL for (int o = 0; o < O; ++o) d[o] = load(dy + o * dy_output);
        CNN_UNROLL for (int k = 0; k < K; ++k) {
          const V xv = load(x + offset[k]);
          CNN_UNROLL for (int o = 0; o < O; ++o) acc[o][k] = hn::MulAdd(d[o], xv, acc[o][k]);
        }
      }
    }
    CNN_UNROLL for (int o = 0; o < O; ++o) {
      CNN_UNROLL for (int k = 0; k < K; ++k) store(acc[o][k], of_part + o * sums_output + k * kLanes);
    }
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

template <int O, int K = tile_terms(O)>
HWY_INLINE void tile_of(int terms, const WeightGradient& g, int first_term, int rows, const float* x,
                        const float* dy, float* sums, bool begin) {
  if constexpr (K > 0) {
    if (terms == K) return tile<O, K>(g, first_term, rows, x, dy, sums, begin);
    return tile_of<O, K - 1>(terms, g, first_term, rows, x, dy, sums, begin);
  }
}

/// All terms of O outputs.
template <int O>
HWY_INLINE void outputs(const WeightGradient& g, const float* x, const float* dy, float* dw, bool accumulate,
                        float* sums) {
  const int strip = rows_in_strip(g, O);
  for (int row = 0; row < g.rows; row += strip)
    in_pieces(g.terms, tile_terms(O), [&](int first_term, int terms) HWY_ATTR {
      tile_of<O>(terms, g, first_term, std::min(strip, g.rows - row), x + row * g.x_row, dy + row * g.dy_row,
                 sums, row == 0);
    });
  const int count = O * g.terms;
  for (int i = 0; i < count; i += 4) {
    float totals[4];
    sum_lanes4(sums + i * kLanes, totals);  // the scratch is long enough for a whole last four
    for (int j = 0; j < std::min(4, count - i); ++j)
      dw[i + j] = accumulate ? dw[i + j] + totals[j] : totals[j];
  }
}

void weight_gradient(const WeightGradient& g, const float* x, const float* dy, float* dw, bool accumulate,
                     float* scratch) {
  in_pieces(g.outputs, kTileOutputs, [&](int first_output, int outputs_here) HWY_ATTR {
    const float* d = dy + first_output * g.dy_output;
    float* out = dw + std::int64_t{first_output} * g.terms;
    switch (outputs_here) {
      case 1:
        return outputs<1>(g, x, d, out, accumulate, scratch);
      case 2:
        return outputs<2>(g, x, d, out, accumulate, scratch);
      case 3:
        return outputs<3>(g, x, d, out, accumulate, scratch);
      case 4:
        if constexpr (kTileOutputs >= 4) return outputs<4>(g, x, d, out, accumulate, scratch);
    }
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

/// Partial sums of a tile of O x I vectors, in the order of kernels/sum_tree.h.
template <int O, int I>
class TileStack {
 public:
  HWY_INLINE void push(const V (&acc)[O][I]) {
    float* to = tiles_ + depth_++ * kFloats;
    CNN_UNROLL for (int o = 0; o < O; ++o) {
      CNN_UNROLL for (int i = 0; i < I; ++i) store(acc[o][i], to + (o * I + i) * kWidth);
    }
  }
  /// acc becomes the sum on top plus acc.
  HWY_INLINE void join(V (&acc)[O][I]) {
    const float* from = tiles_ + --depth_ * kFloats;
    CNN_UNROLL for (int o = 0; o < O; ++o) {
      CNN_UNROLL for (int i = 0; i < I; ++i) acc[o][i] =
          hn::Add(load(from + (o * I + i) * kWidth), acc[o][i]);
    }
  }
  int depth() const { return depth_; }

 private:
  static constexpr int kFloats = O * I * kWidth;
  HWY_ALIGN float tiles_[kTreeDepth * kFloats];
  int depth_ = 0;
};

/// O outputs x I vectors of inputs, over all blocks.
template <int O, int I>
HWY_NOINLINE void dense_tile(const DenseGradient& g, const float* transposed, const float* dy0, float* out,
                             std::int64_t out_pitch) {
  TileStack<O, I> stack;
  V acc[O][I];
  const float* HWY_RESTRICT x = transposed;
  int leaf = 0, block = 0;
  do {  // there is at least one leaf
    CNN_UNROLL for (int o = 0; o < O; ++o) CNN_UNROLL for (int i = 0; i < I; ++i) acc[o][i] = zero();
    for (; block < g.leaf_ends[leaf]; ++block) {
      const float* HWY_RESTRICT dy = dy0 + block * g.dy_block;
      for (int lane = 0; lane < kLanes; ++lane, x += kDenseGradientInputs) {
        V xv[I];
        CNN_UNROLL for (int i = 0; i < I; ++i) xv[i] = load(x + i * kWidth);
        CNN_UNROLL for (int o = 0; o < O; ++o) {
          const V d = broadcast(dy[o * kLanes + lane]);
          CNN_UNROLL for (int i = 0; i < I; ++i) acc[o][i] = hn::MulAdd(d, xv[i], acc[o][i]);
        }
      }
    }
    for (int joins = joins_after(leaf); joins > 0; --joins) stack.join(acc);
    if (leaf + 1 < g.leaves) stack.push(acc);
  } while (++leaf < g.leaves);
  while (stack.depth() > 0) stack.join(acc);
  CNN_UNROLL for (int o = 0; o < O; ++o) {
    CNN_UNROLL for (int i = 0; i < I; ++i) hn::StoreU(acc[o][i], D(), out + o * out_pitch + i * kWidth);
  }
}

/// One tile row for all inputs of the call.
template <int O>
HWY_INLINE void dense_outputs(const DenseGradient& g, int first, int count, int o, const float* transposed,
                              float* dw) {
  constexpr int kVectors = 3, kStep = kVectors * kWidth;
  const float* dy = g.dy + std::int64_t{o} * kLanes;
  float* out = dw + std::int64_t{o} * g.inputs + first;
  int i = 0;
  for (; i + kStep <= count; i += kStep) dense_tile<O, kVectors>(g, transposed + i, dy, out + i, g.inputs);
  if (i == count) return;
  HWY_ALIGN float rest[O * kStep];
  dense_tile<O, kVectors>(g, transposed + i, dy, rest, kStep);
  for (int row = 0; row < O; ++row)
    std::copy_n(rest + row * kStep, count - i, out + std::int64_t{row} * g.inputs + i);
}

void dense_weight_gradient(const DenseGradient& g, int first, int count, float* scratch, float* dw) {
  for (int block = 0; block < g.blocks(); ++block) {
    const float* x = g.x + block * g.x_block + first * g.x_input;
    float* transposed = scratch + std::int64_t{block} * kLanes * kDenseGradientInputs;
    for (int i = 0; i < kDenseGradientInputs; i += kLanes)
      transpose_lanes(x + i * g.x_input, g.x_input, count - i, transposed + i, kDenseGradientInputs);
  }
  int o = 0;
  if constexpr (kRegisters == 32) {
    for (; g.outputs - o >= 8; o += 8) dense_outputs<8>(g, first, count, o, scratch, dw);
  }
  for (; g.outputs - o >= 4; o += 4) dense_outputs<4>(g, first, count, o, scratch, dw);
  for (; g.outputs - o >= 2; o += 2) dense_outputs<2>(g, first, count, o, scratch, dw);
  if (g.outputs > o) dense_outputs<1>(g, first, count, o, scratch, dw);
}

void dense_bias_gradient(const DenseGradient& g, float* db) {
  float stack[kTreeDepth];
  for (int o = 0; o < g.outputs; ++o) {
    int depth = 0;
    for (int leaf = 0, block = 0; leaf < g.leaves; ++leaf) {
      float total = 0;
      for (; block < g.leaf_ends[leaf]; ++block)
        total += sum_lanes(g.dy + block * g.dy_block + std::int64_t{o} * kLanes);
      for (int joins = joins_after(leaf); joins > 0; --joins) total += stack[--depth];
      stack[depth++] = total;
    }
    float total = stack[--depth];
    while (depth > 0) total += stack[--depth];
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
                     bool accumulate, float* scratch) {
  HWY_DYNAMIC_DISPATCH(weight_gradient)(gradient, x, dy, dw, accumulate, scratch);
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
