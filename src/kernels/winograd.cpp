#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/winograd.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "kernels/lanes-inl.h"
#include "kernels/winograd.h"

#ifndef CNN_KERNELS_WINOGRAD_ONCE
#define CNN_KERNELS_WINOGRAD_ONCE
namespace cnn {
namespace {

constexpr int kGroup = 8;  ///< outputs of one group of packed weights
constexpr int kTile = kWinogradTile;
constexpr int kReach = kTile + 2;            ///< rows and columns of x that a tile reads
constexpr int kPositions = kReach * kReach;  ///< of a transformed tile
constexpr int kWidestPanel = 3;              ///< vectors of a register tile

/// What is read or written at all 16 positions lies this much more than a multiple of the channels apart:
/// powers of two would all fall into one set of the first-level cache.
constexpr std::int64_t kSkew = kLanes;

/// The points of the header, and the scales of G's rows.
constexpr float kA = 0.75f, kB = 1.5f;
constexpr float kG0 = 1 / (kA * kA * kB * kB), kGA = 1 / (2 * kA * kA * (kA * kA - kB * kB)),
                kGB = 1 / (2 * kB * kB * (kB * kB - kA * kA));

constexpr std::int64_t round_up(std::int64_t n, std::int64_t to) { return (n + to - 1) / to * to; }

/// `total` in equal pieces of at most `most`.
constexpr int even_piece(int total, int most) {
  const int pieces = (total + most - 1) / most;
  return (total + pieces - 1) / pieces;
}

/// Tiles that winograd_sum() takes at once, the same number each time or nearly so. One position of their
/// transformed input, which is read once for each group of outputs, should stay in the first-level cache;
/// but four at least, since all weights are read for every strip.
int tiles_in_strip(const Winograd& s) {
  constexpr int kFloats = 16 * 1024 / 4;
  return even_piece(s.tiles(), std::max(kFloats / (s.inputs * kLanes), 4));
}

/// Outputs whose products winograd_sum() makes before it transforms them back: few, so that they are still
/// near, but no fewer than the inputs, since all of those are read for each of these portions.
int outputs_of_portion(const Winograd& s) {
  return std::min(static_cast<int>(round_up(s.outputs, kGroup)),
                  std::max(32, static_cast<int>(round_up(s.inputs, kGroup))));
}

/// The two parts of winograd_sum()'s scratch.
struct SumScratch {
  explicit SumScratch(const Winograd& s)
      : v_position(s.inputs * std::int64_t{tiles_in_strip(s) + kWidestPanel} * kLanes + kSkew),
        m_position(std::int64_t{outputs_of_portion(s)} * tiles_in_strip(s) * kLanes + kSkew) {}
  std::int64_t v_position;  ///< floats from one position to the next
  std::int64_t m_position;
  std::int64_t floats() const { return kPositions * (v_position + m_position); }
};

/// What winograd_weight_gradient() takes at once: a rectangle of tiles, so many inputs, so many outputs. What
/// belongs to one position fits the first-level cache, all together the second-level cache.
constexpr int kTilesOfGradient = 4, kInputsOfGradient = 64, kOutputsOfGradient = kLanes;

/// The parts of winograd_weight_gradient()'s scratch.
struct GradientScratch {
  explicit GradientScratch(const Winograd& s)
      : cols(even_piece(s.tile_cols(), kTilesOfGradient)),
        rows(even_piece(s.tile_rows(), std::max(1, kTilesOfGradient / cols))),
        strips((s.tile_rows() + rows - 1) / rows * ((s.tile_cols() + cols - 1) / cols)),
        inputs(std::min(static_cast<int>(round_up(s.inputs, kLanes)), kInputsOfGradient)),
        x_panel((kTile * rows + 2) * (kTile * cols + 2) * kPixel),
        dy_panel(kTile * rows * kTile * cols * kPixel),
        panel(rows * cols * kLanes * kLanes),
        v_position(inputs / kLanes * panel + kSkew),
        d_position(panel + kSkew),
        sum_position(kOutputsOfGradient * inputs + kSkew),
        sums(strips == 1 ? 1 : pairs(s)),
        x_floats(x_panel),
        dy_floats(round_up(s.outputs, kLanes) / kLanes * dy_panel) {}
  /// Groups of inputs times groups of outputs.
  static std::int64_t pairs(const Winograd& s) {
    return (s.inputs + kInputsOfGradient - 1) / kInputsOfGradient *
           ((s.outputs + kOutputsOfGradient - 1) / kOutputsOfGradient);
  }
  static constexpr std::int64_t kPixel = kLanes * kLanes + kSkew;  ///< of a transposed panel
  int cols, rows;                                                  ///< of tiles, in a strip
  int strips;                                                      ///< of the map
  int inputs;                                                      ///< of a group, in whole panels of 16
  std::int64_t x_panel, dy_panel;                                  ///< floats of a transposed panel
  std::int64_t panel;                                 ///< floats of a transformed panel, at one position
  std::int64_t v_position, d_position, sum_position;  ///< floats from one position to the next
  std::int64_t sums;                                  ///< pairs whose sums wait for the next strip
  std::int64_t x_floats, dy_floats;
  std::int64_t floats() const {
    return x_floats + dy_floats + kPositions * (v_position + d_position + sums * sum_position);
  }
};

}  // namespace
}  // namespace cnn
#endif

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {
namespace {

/// One dimension of B^T x B: pairs of rows differ by the sign of their odd part.
HWY_INLINE void input_transform(const V (&x)[kReach], V (&t)[kReach]) {
  const V a = broadcast(kA), b = broadcast(kB), a2 = broadcast(kA * kA), b2 = broadcast(kB * kB),
          a2b2 = broadcast(kA * kA * kB * kB), sum2 = broadcast(kA * kA + kB * kB);
  t[0] = hn::MulAdd(a2b2, x[0], hn::NegMulAdd(sum2, x[2], x[4]));
  const V even_a = hn::NegMulAdd(b2, x[2], x[4]), odd_a = hn::NegMulAdd(b2, x[1], x[3]);
  t[1] = hn::MulAdd(a, odd_a, even_a);
  t[2] = hn::NegMulAdd(a, odd_a, even_a);
  const V even_b = hn::NegMulAdd(a2, x[2], x[4]), odd_b = hn::NegMulAdd(a2, x[1], x[3]);
  t[3] = hn::MulAdd(b, odd_b, even_b);
  t[4] = hn::NegMulAdd(b, odd_b, even_b);
  t[5] = hn::MulAdd(a2b2, x[1], hn::NegMulAdd(sum2, x[3], x[5]));
}

/// B^T x B: the tile at x to the 36 positions of v.
HWY_INLINE void transform_input(const float* x, std::int64_t row, std::int64_t col, float* v,
                                std::int64_t position) {
  V columns[kReach][kReach];  // [row of B^T x][column]
  CNN_UNROLL for (int c = 0; c < kReach; ++c) {
    V d[kReach], t[kReach];
    CNN_UNROLL for (int r = 0; r < kReach; ++r) d[r] = load(x + r * row + c * col);
    input_transform(d, t);
    CNN_UNROLL for (int r = 0; r < kReach; ++r) columns[r][c] = t[r];
  }
  CNN_UNROLL for (int r = 0; r < kReach; ++r) {
    V t[kReach];
    input_transform(columns[r], t);
    CNN_UNROLL for (int c = 0; c < kReach; ++c) store(t[c], v + (r * kReach + c) * position);
  }
}

/// One dimension of A^T M A.
HWY_INLINE void output_transform(const V (&m)[kReach], V (&y)[kTile]) {
  const V sum_a = hn::Add(m[1], m[2]), difference_a = hn::Sub(m[1], m[2]);
  const V sum_b = hn::Add(m[3], m[4]), difference_b = hn::Sub(m[3], m[4]);
  y[0] = hn::Add(hn::Add(m[0], sum_a), sum_b);
  y[1] = hn::MulAdd(broadcast(kB), difference_b, hn::Mul(broadcast(kA), difference_a));
  y[2] = hn::MulAdd(broadcast(kB * kB), sum_b, hn::Mul(broadcast(kA * kA), sum_a));
  y[3] = hn::MulAdd(broadcast(kB * kB * kB), difference_b,
                    hn::MulAdd(broadcast(kA * kA * kA), difference_a, m[5]));
}

/// A^T M A: the 36 positions of m to 4x4 outputs.
HWY_INLINE void transform_output(const float* m, std::int64_t position, V (&y)[kTile][kTile]) {
  V rows[kTile][kReach];
  CNN_UNROLL for (int c = 0; c < kReach; ++c) {
    V column[kReach], t[kTile];
    CNN_UNROLL for (int r = 0; r < kReach; ++r) column[r] = load(m + (r * kReach + c) * position);
    output_transform(column, t);
    CNN_UNROLL for (int r = 0; r < kTile; ++r) rows[r][c] = t[r];
  }
  CNN_UNROLL for (int r = 0; r < kTile; ++r) output_transform(rows[r], y[r]);
}

/// How far ahead weights are fetched, in floats: those of wide layers lie far away.
constexpr int kAhead = 512;

/// m[o][p] = sum over k of u[k][o] * v[k][p] for O outputs and the first P vectors of a panel of `width`.
template <int O, int P>
HWY_NOINLINE void product(const float* HWY_RESTRICT u, const float* HWY_RESTRICT v, int width, int terms,
                          float* HWY_RESTRICT m, std::int64_t m_output) {
  V acc[O][P];
  CNN_UNROLL for (int o = 0; o < O; ++o) CNN_UNROLL for (int p = 0; p < P; ++p) acc[o][p] = zero();
  for (int k = 0; k < terms; ++k, u += kGroup, v += width * kWidth) {
    V x[P];
    CNN_UNROLL for (int p = 0; p < P; ++p) x[p] = load(v + p * kWidth);
    hwy::Prefetch(u + kAhead);
    CNN_UNROLL for (int o = 0; o < O; ++o) {
      const V w = broadcast(u[o]);
      CNN_UNROLL for (int p = 0; p < P; ++p) acc[o][p] = hn::MulAdd(w, x[p], acc[o][p]);
    }
  }
  CNN_UNROLL for (int o = 0; o < O; ++o) {
    CNN_UNROLL for (int p = 0; p < P; ++p) store(acc[o][p], m + o * m_output + p * kWidth);
  }
}

/// All 8 outputs of a group and the first `vectors` of a panel, at one position.
HWY_INLINE void group_product(const float* u, const float* v, int width, int terms, int vectors, float* m,
                              std::int64_t m_output) {
  constexpr int kOutputs = kRegisters == 32 ? 8 : 4;
  for (int o = 0; o < kGroup; o += kOutputs, m += kOutputs * m_output) {
    if (vectors == 3) product<kOutputs, 3>(u + o, v, width, terms, m, m_output);
    if (vectors == 2) product<kOutputs, 2>(u + o, v, width, terms, m, m_output);
    if (vectors == 1) product<kOutputs, 1>(u + o, v, width, terms, m, m_output);
  }
}

/// The pixels of a tile of winograd_sum() that exist: all 4x4 but at the map's end.
struct TilePlace {
  TilePlace(const Winograd& s, int tile)
      : row(tile / s.tile_cols() * kTile),
        col(tile % s.tile_cols() * kTile),
        rows(std::min(kTile, s.rows - row)),
        cols(std::min(kTile, s.cols - col)) {}
  int row, col, rows, cols;
};

/// y of a group of outputs for one tile: m + bias, relu, what lies inside the map.
HWY_INLINE void store_tile(const V (&tile)[kTile][kTile], const TilePlace& at, V bias, bool relu, float* y,
                           std::int64_t row) {
  for (int i = 0; i < at.rows; ++i) {
    for (int j = 0; j < at.cols; ++j) {
      V value = hn::Add(tile[i][j], bias);
      if (relu) value = hn::IfThenZeroElse(hn::Lt(value, zero()), value);
      store(value, y + (i * row + j) * kLanes);
    }
  }
}

/// A strip of tiles goes through three steps: transform, products, transform back. The transformed tiles lie
/// in panels of a few vectors (parts of tiles), so that the products read them in one straight line:
/// v[position][panel][input][vector of the panel], m[position][output][vector].
void winograd_sum(const Winograd& s, const float* packed, const float* bias, bool relu, const float* x,
                  float* y, float* scratch) {
  const int most = tiles_in_strip(s), portion = outputs_of_portion(s);
  const SumScratch parts(s);
  float* const v = scratch;
  float* const m = v + kPositions * parts.v_position;
  for (int first = 0; first < s.tiles(); first += most) {
    const int count = std::min(most, s.tiles() - first), vectors = count * kParts;
    const int width = even_piece(vectors, kWidestPanel);
    const std::int64_t panel_floats = std::int64_t{s.inputs} * width * kWidth;
    for (int vector = 0; vector < vectors; ++vector) {
      const TilePlace at(s, first + vector / kParts);
      const float* in = x + (at.row * s.x_row + at.col) * kLanes + vector % kParts * kWidth;
      float* out = v + vector / width * panel_floats + vector % width * kWidth;
      for (int i = 0; i < s.inputs; ++i, in += s.x_plane * kLanes, out += width * kWidth)
        transform_input(in, s.x_row * kLanes, kLanes, out, parts.v_position);
    }
    const std::int64_t m_output = std::int64_t{count} * kLanes;
    for (int begin = 0; begin < s.outputs; begin += portion) {
      const int end = std::min(begin + portion, s.outputs);
      for (int position = 0; position < kPositions; ++position)
        for (int o = begin; o < end; o += kGroup) {
          const float* u = packed + (position * round_up(s.outputs, kGroup) + o) * s.inputs;
          for (int vector = 0; vector < vectors; vector += width)
            group_product(u, v + position * parts.v_position + vector / width * panel_floats, width, s.inputs,
                          std::min(width, vectors - vector),
                          m + position * parts.m_position + (o - begin) * m_output + vector * kWidth,
                          m_output);
        }
      for (int vector = 0; vector < vectors; ++vector) {
        const TilePlace at(s, first + vector / kParts);
        for (int o = begin; o < end; ++o) {
          V tile[kTile][kTile];
          transform_output(m + (o - begin) * m_output + vector * kWidth, parts.m_position, tile);
          store_tile(tile, at, bias ? broadcast(bias[o]) : zero(), relu,
                     y + (o * s.y_plane + at.row * s.y_row + at.col) * kLanes + vector % kParts * kWidth,
                     s.y_row);
        }
      }
    }
  }
}

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
  V columns[kReach][kTile];  // [row of A dY][column]
  CNN_UNROLL for (int c = 0; c < kTile; ++c) {
    V y[kTile], t[kReach];
    CNN_UNROLL for (int r = 0; r < kTile; ++r) y[r] = load(dy + r * row + c * col);
    gradient_transform(y, t);
    CNN_UNROLL for (int r = 0; r < kReach; ++r) columns[r][c] = t[r];
  }
  CNN_UNROLL for (int r = 0; r < kReach; ++r) {
    V t[kReach];
    gradient_transform(columns[r], t);
    CNN_UNROLL for (int c = 0; c < kReach; ++c) store(t[c], d + (r * kReach + c) * position);
  }
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

/// Register tiles of the outer product: 8 outputs x 3 vectors in 32 registers, 6 x 2 in 16.
constexpr int kProductOutputs = kRegisters == 32 ? 8 : 6;
constexpr int kProductVectors = kRegisters == 32 ? 3 : 2;

/// Up to 16 outputs (a panel of d) by C vectors of inputs.
template <int C>
HWY_INLINE void outer_product_columns(const float* d, const float* const (&v)[C], std::int64_t terms,
                                      int outputs, float* m, std::int64_t m_output, bool accumulate) {
  const auto take = [&](auto tile, int count) HWY_ATTR {
    tile(d, v, terms, m, m_output, accumulate);
    d += count, m += count * m_output, outputs -= count;
  };
  // 16 are 6 + 5 + 5 rather than 6 + 6 + 4.
  if constexpr (kProductOutputs == 6) {
    while (outputs >= 5) {
      if (outputs == 16 || outputs == 12 || outputs == 6) {
        take(outer_product<6, C>, 6);
      } else {
        take(outer_product<5, C>, 5);
      }
    }
  }
  while (outputs >= kProductOutputs) take(outer_product<kProductOutputs, C>, kProductOutputs);
  while (outputs >= 4) take(outer_product<4, C>, 4);
  while (outputs >= 2) take(outer_product<2, C>, 2);
  if (outputs == 1) take(outer_product<1, C>, 1);
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
  V columns[3][kReach];
  CNN_UNROLL for (int c = 0; c < kReach; ++c) {
    V column[kReach], t[3];
    CNN_UNROLL for (int r = 0; r < kReach; ++r) column[r] = load(m + (r * kReach + c) * position);
    kernel_gradient_transform(column, t);
    CNN_UNROLL for (int r = 0; r < 3; ++r) columns[r][c] = t[r];
  }
  CNN_UNROLL for (int r = 0; r < 3; ++r) {
    V t[3];
    kernel_gradient_transform(columns[r], t);
    CNN_UNROLL for (int c = 0; c < 3; ++c) {
      float* out = dw + (r * 3 + c) * tap;
      store(accumulate ? hn::Add(load(out), t[c]) : t[c], out);
    }
  }
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
  WinogradGradient(const Winograd& shape, const float* x, const float* dy, float* dw, bool accumulate,
                   float* scratch)
      : s_(shape),
        parts_(shape),
        x_(x),
        dy_(dy),
        dw_(dw),
        accumulate_(accumulate),
        xt_(scratch),
        dyt_(xt_ + parts_.x_floats),
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
    for (int i = 0; i < vectors;) {
      const auto columns = [&]<int C>(std::integral_constant<int, C>) HWY_ATTR {
        const float* of_columns[C];
        for (int c = 0; c < C; ++c)
          of_columns[c] = v + (i + c) / kParts * parts_.panel + (i + c) % kParts * kWidth;
        outer_product_columns<C>(d, of_columns, terms, outputs, m + i * kWidth, parts_.inputs, accumulate);
        i += C;
      };
      // Four vectors left are two and two.
      if (vectors - i >= kProductVectors && vectors - i != 4) {
        columns(std::integral_constant<int, kProductVectors>());
      } else if (vectors - i >= 2) {
        columns(std::integral_constant<int, 2>());
      } else {
        columns(std::integral_constant<int, 1>());
      }
    }
  }

  void finish(int first_input, int inputs, int first_output, int outputs, const float* sums) {
    const std::int64_t pitch = round_up(s_.inputs, kLanes), tap = s_.outputs * pitch;
    for (int o = 0; o < outputs; ++o)
      for (int i = 0; i < inputs; i += kWidth)
        transform_kernel_gradient(sums + o * parts_.inputs + i, parts_.sum_position,
                                  dw_ + (first_output + o) * pitch + first_input + i, tap, accumulate_);
  }

  const Winograd& s_;
  const GradientScratch parts_;
  const float *x_, *dy_;
  float* dw_;
  bool accumulate_;
  float* xt_;   ///< [row][column][image][input], of a strip and a group of inputs
  float* dyt_;  ///< [row][column][image][output], of a strip
  float *v_, *d_;
  float* sums_;  ///< [pair of groups][position][output][input]
};

void winograd_weight_gradient(const Winograd& s, const float* x, const float* dy, float* dw, bool accumulate,
                              float* scratch) {
  WinogradGradient(s, x, dy, dw, accumulate, scratch).run();
}

void winograd_sum_shards(int inputs, int outputs, const float* dw, std::int64_t shard_stride, int shards,
                         float* gradient, int first, int last) {
  const std::int64_t pitch = round_up(inputs, kLanes), tap = outputs * pitch;
  HWY_ALIGN float taps[9 * kLanes];
  for (int o = first; o < last; ++o) {
    for (int i = 0; i < inputs; i += kLanes) {
      for (int t = 0; t < 9; ++t) {
        const float* from = dw + t * tap + o * pitch + i;
        for (int part = 0; part < kParts; ++part) {
          V sum = load(from + part * kWidth);
          for (int shard = 1; shard < shards; ++shard)
            sum = hn::Add(sum, load(from + shard * shard_stride + part * kWidth));
          store(sum, taps + t * kLanes + part * kWidth);
        }
      }
      float* out = gradient + (std::int64_t{o} * inputs + i) * 9;
      const int count = std::min(kLanes, inputs - i);
      for (int k = 0; k < count; ++k)
        for (int t = 0; t < 9; ++t) out[k * 9 + t] = taps[t * kLanes + k];
    }
  }
}

/// G w G^T for the 8 outputs of a group.
void winograd_pack(const float* w, int inputs, int outputs, std::int64_t input_stride,
                   std::int64_t output_stride, bool flip, float* packed, int group) {
  const int first = group * kGroup, count = std::min(kGroup, outputs - first);
  float* const to = packed + std::int64_t{first} * inputs;
  const std::int64_t position = std::int64_t{winograd_groups(outputs)} * kGroup * inputs;
  const hn::CappedTag<float, kGroup> d8;
  const int width = static_cast<int>(hn::Lanes(d8));
  HWY_ALIGN float kernels[9][kGroup] = {};
  for (int i = 0; i < inputs; ++i) {
    for (int o = 0; o < count; ++o) {
      const float* kernel = w + (first + o) * output_stride + i * input_stride;
      for (int t = 0; t < 9; ++t) kernels[flip ? 8 - t : t][o] = kernel[t];
    }
    for (int o = 0; o < kGroup; o += width) {
      using V8 = hn::Vec<decltype(d8)>;
      const auto number = [&](float value) HWY_ATTR { return hn::Set(d8, value); };
      const auto transform = [&](V8 w0, V8 w1, V8 w2, V8(&t)[kReach]) HWY_ATTR {
        const V8 even_a = hn::Mul(number(kGA), hn::MulAdd(number(kA * kA), w2, w0)),
                 even_b = hn::Mul(number(kGB), hn::MulAdd(number(kB * kB), w2, w0));
        t[0] = hn::Mul(number(kG0), w0);
        t[1] = hn::MulAdd(number(kA * kGA), w1, even_a);
        t[2] = hn::NegMulAdd(number(kA * kGA), w1, even_a);
        t[3] = hn::MulAdd(number(kB * kGB), w1, even_b);
        t[4] = hn::NegMulAdd(number(kB * kGB), w1, even_b);
        t[5] = w2;
      };
      V8 columns[3][kReach];
      CNN_UNROLL for (int c = 0; c < 3; ++c) {
        transform(hn::Load(d8, kernels[c] + o), hn::Load(d8, kernels[3 + c] + o),
                  hn::Load(d8, kernels[6 + c] + o), columns[c]);
      }
      CNN_UNROLL for (int r = 0; r < kReach; ++r) {
        V8 t[kReach];
        transform(columns[0][r], columns[1][r], columns[2][r], t);
        CNN_UNROLL for (int c = 0; c < kReach; ++c)
            hn::Store(t[c], d8, to + (r * kReach + c) * position + std::int64_t{i} * kGroup + o);
      }
    }
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace cnn
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cnn {

bool winograd_pays(int inputs, int outputs, int rows, int cols) {
  constexpr int kChannels = 16;  // below, the transforms of one side cost more than the products save
  const Winograd shape{.inputs = inputs, .outputs = outputs, .rows = rows, .cols = cols};
  // Products of the direct sum over those of the tiles: 4 where whole tiles fit.
  const double saving = 9.0 * rows * cols / (double{kPositions} * shape.tiles());
  return inputs >= kChannels && outputs >= kChannels && saving >= 1.25;
}

std::int64_t winograd_packed_size(int inputs, int outputs) {
  return std::int64_t{winograd_groups(outputs)} * kGroup * kPositions * inputs;
}

std::int64_t winograd_sum_scratch(const Winograd& shape) { return SumScratch(shape).floats(); }

std::int64_t winograd_gradient_size(int inputs, int outputs) {
  return 9 * outputs * round_up(inputs, kLanes);
}

std::int64_t winograd_gradient_scratch(const Winograd& shape) { return GradientScratch(shape).floats(); }

HWY_EXPORT(winograd_pack);
void winograd_pack(const float* w, int inputs, int outputs, std::int64_t input_stride,
                   std::int64_t output_stride, bool flip, float* packed, int group) {
  HWY_DYNAMIC_DISPATCH(winograd_pack)
  (w, inputs, outputs, input_stride, output_stride, flip, packed, group);
}

HWY_EXPORT(winograd_sum);
void winograd_sum(const Winograd& shape, const float* packed, const float* bias, bool relu, const float* x,
                  float* y, float* scratch) {
  HWY_DYNAMIC_DISPATCH(winograd_sum)(shape, packed, bias, relu, x, y, scratch);
}

HWY_EXPORT(winograd_weight_gradient);
void winograd_weight_gradient(const Winograd& shape, const float* x, const float* dy, float* dw,
                              bool accumulate, float* scratch) {
  HWY_DYNAMIC_DISPATCH(winograd_weight_gradient)(shape, x, dy, dw, accumulate, scratch);
}

HWY_EXPORT(winograd_sum_shards);
void winograd_sum_shards(int inputs, int outputs, const float* dw, std::int64_t shard_stride, int shards,
                         float* gradient, int first, int last) {
  HWY_DYNAMIC_DISPATCH(winograd_sum_shards)
  (inputs, outputs, dw, shard_stride, shards, gradient, first, last);
}

}  // namespace cnn
#endif
