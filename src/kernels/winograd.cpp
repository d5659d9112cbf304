#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/winograd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "kernels/lanes-inl.h"
#include "kernels/winograd.h"

#ifndef CNN_KERNELS_WINOGRAD_ONCE
#define CNN_KERNELS_WINOGRAD_ONCE
namespace cnn {
namespace {

constexpr int kGroup = 8;       ///< outputs of one group of packed weights
constexpr int kPositions = 16;  ///< of a transformed tile
constexpr int kPanel = 3;       ///< vectors of a register tile

/// What is read or written at all 16 positions lies this much more than a multiple of the channels apart:
/// powers of two would all fall into one set of the first-level cache.
constexpr std::int64_t kSkew = kLanes;

constexpr std::int64_t round_up(std::int64_t n, std::int64_t to) { return (n + to - 1) / to * to; }

/// Tiles that winograd_sum() takes at once: one position of their transformed input, which is read once for
/// each group of outputs, should stay in the first-level cache; whole panels on every instruction set.
int tiles_in_strip(int inputs) {
  constexpr std::int64_t kFloats = 24 * 1024 / 4;
  return static_cast<int>(
      std::clamp<std::int64_t>(kFloats / (inputs * kLanes) / kPanel * kPanel, kPanel, 48));
}

/// The two parts of winograd_sum()'s scratch, for `tiles` tiles.
struct SumScratch {
  SumScratch(int inputs, int outputs, std::int64_t tiles)
      : v_position(inputs * round_up(tiles, kPanel) * kLanes + kSkew),
        m_position(round_up(outputs, kGroup) * tiles * kLanes + kSkew) {}
  std::int64_t v_position;  ///< floats from one position to the next
  std::int64_t m_position;
  std::int64_t floats() const { return kPositions * (v_position + m_position); }
};

/// Rows of tiles that winograd_weight_gradient() takes at once: at least 8 tiles, so that the sums in memory
/// are loaded and stored once for 128 terms or more.
int tile_rows_in_strip(const Winograd& s) {
  return std::min(s.tile_rows(), std::max(1, (8 + s.tile_cols() - 1) / s.tile_cols()));
}

/// The parts of winograd_weight_gradient()'s scratch.
struct GradientScratch {
  explicit GradientScratch(const Winograd& s)
      : inputs(round_up(s.inputs, kLanes)),
        outputs(round_up(s.outputs, kLanes)),
        rows(tile_rows_in_strip(s)),
        terms(std::int64_t{rows} * s.tile_cols() * kLanes),
        x_pixel(kLanes * inputs + kSkew),
        dy_pixel(kLanes * outputs + kSkew),
        x_floats((2 * rows + 2) * (2 * s.tile_cols() + 2) * x_pixel),
        dy_floats(2 * rows * 2 * s.tile_cols() * dy_pixel),
        v_position(terms * inputs + kSkew),
        d_position(terms * outputs + kSkew),
        sum_position(s.outputs * inputs + kSkew) {}
  std::int64_t inputs, outputs;  ///< channels, in whole panels of 16
  int rows;                      ///< of tiles in a strip
  std::int64_t terms;            ///< tiles times images in a strip
  std::int64_t x_pixel, dy_pixel, x_floats, dy_floats;
  std::int64_t v_position, d_position, sum_position;  ///< floats from one position to the next
  std::int64_t floats() const {
    return x_floats + dy_floats + kPositions * (v_position + d_position + sum_position);
  }
};

}  // namespace
}  // namespace cnn
#endif

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {
namespace {

/// B^T d for four vectors.
HWY_INLINE void input_transform(const V (&d)[4], V (&t)[4]) {
  t[0] = hn::Sub(d[0], d[2]);
  t[1] = hn::Add(d[1], d[2]);
  t[2] = hn::Sub(d[2], d[1]);
  t[3] = hn::Sub(d[1], d[3]);
}

/// B^T x B: the tile at x to the 16 positions of v.
HWY_INLINE void transform_input(const float* x, std::int64_t row, std::int64_t col, float* v,
                                std::int64_t position) {
  V columns[4][4];  // [column][row of B^T x]
  CNN_UNROLL for (int c = 0; c < 4; ++c) {
    V d[4];
    CNN_UNROLL for (int r = 0; r < 4; ++r) d[r] = load(x + r * row + c * col);
    input_transform(d, columns[c]);
  }
  CNN_UNROLL for (int r = 0; r < 4; ++r) {
    const V d[4] = {columns[0][r], columns[1][r], columns[2][r], columns[3][r]};
    V t[4];
    input_transform(d, t);
    CNN_UNROLL for (int c = 0; c < 4; ++c) store(t[c], v + (r * 4 + c) * position);
  }
}

/// A^T M A: the 16 positions of m to 2x2 outputs.
HWY_INLINE void transform_output(const float* m, std::int64_t position, V (&y)[2][2]) {
  V rows[2][4];
  CNN_UNROLL for (int c = 0; c < 4; ++c) {
    const V m0 = load(m + c * position), m1 = load(m + (4 + c) * position), m2 = load(m + (8 + c) * position),
            m3 = load(m + (12 + c) * position);
    rows[0][c] = hn::Add(hn::Add(m0, m1), m2);
    rows[1][c] = hn::Sub(hn::Sub(m1, m2), m3);
  }
  CNN_UNROLL for (int r = 0; r < 2; ++r) {
    y[r][0] = hn::Add(hn::Add(rows[r][0], rows[r][1]), rows[r][2]);
    y[r][1] = hn::Sub(hn::Sub(rows[r][1], rows[r][2]), rows[r][3]);
  }
}

/// m[o][p] = sum over k of u[k][o] * v[k][p] for O outputs and the first P vectors of a panel.
template <int O, int P>
HWY_NOINLINE void product(const float* HWY_RESTRICT u, const float* HWY_RESTRICT v, int terms,
                          float* HWY_RESTRICT m, std::int64_t m_output) {
  V acc[O][P];
  CNN_UNROLL for (int o = 0; o < O; ++o) CNN_UNROLL for (int p = 0; p < P; ++p) acc[o][p] = zero();
  for (int k = 0; k < terms; ++k, u += kGroup, v += kPanel * kWidth) {
    V x[P];
    CNN_UNROLL for (int p = 0; p < P; ++p) x[p] = load(v + p * kWidth);
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
HWY_INLINE void group_product(const float* u, const float* v, int terms, int vectors, float* m,
                              std::int64_t m_output) {
  constexpr int kOutputs = kRegisters == 32 ? 8 : 4;
  for (int o = 0; o < kGroup; o += kOutputs, m += kOutputs * m_output) {
    if (vectors == 3) product<kOutputs, 3>(u + o, v, terms, m, m_output);
    if (vectors == 2) product<kOutputs, 2>(u + o, v, terms, m, m_output);
    if (vectors == 1) product<kOutputs, 1>(u + o, v, terms, m, m_output);
  }
}

/// The pixels of a tile of winograd_sum() that exist: all 2x2 but at the map's end.
struct TilePlace {
  TilePlace(const Winograd& s, int tile)
      : row(tile / s.tile_cols() * 2),
        col(tile % s.tile_cols() * 2),
        rows(std::min(2, s.rows - row)),
        cols(std::min(2, s.cols - col)) {}
  int row, col, rows, cols;
};

/// A strip of tiles goes through three steps: transform, products, transform back. The transformed tiles lie
/// in panels of kPanel vectors (parts of tiles), so that the products read them in one straight line:
/// v[position][panel][input][vector of the panel], m[position][output][vector].
void winograd_sum(const Winograd& s, const float* packed, const float* bias, bool relu, const float* x,
                  float* y, float* scratch) {
  const int most = tiles_in_strip(s.inputs);
  const std::int64_t panel_floats = std::int64_t{s.inputs} * kPanel * kWidth;
  for (int first = 0; first < s.tiles(); first += most) {
    const int count = std::min(most, s.tiles() - first), vectors = count * kParts;
    const SumScratch parts(s.inputs, s.outputs, count);
    float* const v = scratch;
    float* const m = v + kPositions * parts.v_position;
    for (int vector = 0; vector < vectors; ++vector) {
      const TilePlace at(s, first + vector / kParts);
      const float* in = x + (at.row * s.x_row + at.col) * kLanes + vector % kParts * kWidth;
      float* out = v + vector / kPanel * panel_floats + vector % kPanel * kWidth;
      for (int i = 0; i < s.inputs; ++i, in += s.x_plane * kLanes, out += kPanel * kWidth)
        transform_input(in, s.x_row * kLanes, kLanes, out, parts.v_position);
    }
    const std::int64_t m_output = std::int64_t{count} * kLanes;
    for (int position = 0; position < kPositions; ++position)
      for (int o = 0; o < s.outputs; o += kGroup) {
        const float* u = packed + (std::int64_t{o} * kPositions + position * kGroup) * s.inputs;
        for (int vector = 0; vector < vectors; vector += kPanel)
          group_product(u, v + position * parts.v_position + vector / kPanel * panel_floats, s.inputs,
                        std::min(kPanel, vectors - vector),
                        m + position * parts.m_position + o * m_output + vector * kWidth, m_output);
      }
    for (int tile = 0; tile < count; ++tile) {
      const TilePlace at(s, first + tile);
      for (int o = 0; o < s.outputs; ++o) {
        const V start = bias ? broadcast(bias[o]) : zero();
        float* out = y + (o * s.y_plane + at.row * s.y_row + at.col) * kLanes;
        for (int part = 0; part < kParts; ++part, out += kWidth) {
          V tile_out[2][2];
          transform_output(m + o * m_output + std::int64_t{tile} * kLanes + part * kWidth, parts.m_position,
                           tile_out);
          for (int i = 0; i < at.rows; ++i) {
            for (int j = 0; j < at.cols; ++j) {
              V value = hn::Add(tile_out[i][j], start);
              if (relu) value = hn::IfThenZeroElse(hn::Lt(value, zero()), value);
              store(value, out + (i * s.y_row + j) * kLanes);
            }
          }
        }
      }
    }
  }
}

/// A dY A^T: the 2x2 gradients at dy to the 16 positions of d. A's rows: (1 0), (1 1), (1 -1), (0 -1).
HWY_INLINE void transform_gradient(const float* dy, std::int64_t row, std::int64_t col, float* d,
                                   std::int64_t position) {
  V columns[2][4];
  const auto transform = [](V a, V b, V(&t)[4]) HWY_ATTR {
    t[0] = a;
    t[1] = hn::Add(a, b);
    t[2] = hn::Sub(a, b);
    t[3] = hn::Neg(b);
  };
  CNN_UNROLL for (int c = 0; c < 2; ++c) transform(load(dy + c * col), load(dy + row + c * col), columns[c]);
  CNN_UNROLL for (int r = 0; r < 4; ++r) {
    V t[4];
    transform(columns[0][r], columns[1][r], t);
    CNN_UNROLL for (int c = 0; c < 4; ++c) store(t[c], d + (r * 4 + c) * position);
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

/// G^T M G for one vector of inputs: the 16 positions of m to the 9 taps of dw. G^T's rows:
/// (1 1/2 1/2 0), (0 1/2 -1/2 0), (0 1/2 1/2 1).
HWY_INLINE void transform_kernel_gradient(const float* m, std::int64_t position, float* dw, std::int64_t tap,
                                          bool accumulate) {
  const V half = broadcast(0.5f);
  const auto transform = [&](V m0, V m1, V m2, V m3, V(&t)[3]) HWY_ATTR {
    const V sum = hn::Mul(half, hn::Add(m1, m2)), difference = hn::Mul(half, hn::Sub(m1, m2));
    t[0] = hn::Add(m0, sum);
    t[1] = difference;
    t[2] = hn::Add(sum, m3);
  };
  V columns[4][3];
  CNN_UNROLL for (int c = 0; c < 4; ++c) {
    transform(load(m + c * position), load(m + (4 + c) * position), load(m + (8 + c) * position),
              load(m + (12 + c) * position), columns[c]);
  }
  CNN_UNROLL for (int r = 0; r < 3; ++r) {
    V t[3];
    transform(columns[0][r], columns[1][r], columns[2][r], columns[3][r], t);
    CNN_UNROLL for (int c = 0; c < 3; ++c) {
      float* out = dw + (r * 3 + c) * tap;
      store(accumulate ? hn::Add(load(out), t[c]) : t[c], out);
    }
  }
}

/// Here the sum runs over images, so the lanes are the wrong way round: 16 channels become the vector, as in
/// dense_weight_gradient(). x and dy are transposed once, a strip of tile rows at a time, and stay in that
/// form through the transforms and the products. Transformed, channels lie in panels of 16, so that the
/// products read in one straight line: v[position][panel][tile and image][input of the panel], and d
/// likewise.
void winograd_weight_gradient(const Winograd& s, const float* x, const float* dy, float* dw, bool accumulate,
                              float* scratch) {
  const GradientScratch parts(s);
  float* const xt = scratch;  // [row][column][image][input], of the rows of a strip
  float* const dyt = xt + parts.x_floats;
  float* const v = dyt + parts.dy_floats;
  float* const d = v + kPositions * parts.v_position;
  float* const sums = d + kPositions * parts.d_position;  // [position][output][input]
  const int tile_cols = s.tile_cols(), x_cols = 2 * tile_cols + 2, dy_cols = 2 * tile_cols;
  const std::int64_t x_pixel = parts.x_pixel, dy_pixel = parts.dy_pixel;
  for (int first = 0; first < s.tile_rows(); first += parts.rows) {
    const int rows = std::min(parts.rows, s.tile_rows() - first);
    // The strip's first two rows of x are the last two of the strip before.
    int from_row = 0;
    if (first > 0) {
      std::copy_n(xt + 2 * parts.rows * x_cols * x_pixel, 2 * x_cols * x_pixel, xt);
      from_row = 2;
    }
    for (int r = from_row; r < 2 * rows + 2; ++r)
      for (int c = 0; c < x_cols; ++c)
        for (int i = 0; i < s.inputs; i += kLanes)
          transpose_lanes(x + (i * s.x_plane + (2 * first + r) * s.x_row + c) * kLanes, s.x_plane * kLanes,
                          s.inputs - i, xt + (std::int64_t{r} * x_cols + c) * x_pixel + i, parts.inputs);
    for (int r = 0; r < 2 * rows; ++r)
      for (int c = 0; c < dy_cols; ++c) {
        float* to = dyt + (std::int64_t{r} * dy_cols + c) * dy_pixel;
        const bool inside = 2 * first + r < s.rows && c < s.cols;
        for (int o = 0; o < s.outputs; o += kLanes)
          transpose_lanes(inside ? dy + (o * s.y_plane + (2 * first + r) * s.y_row + c) * kLanes : dy,
                          s.y_plane * kLanes, inside ? s.outputs - o : 0, to + o, parts.outputs);
      }
    const std::int64_t terms = std::int64_t{rows} * tile_cols * kLanes, panel = terms * kLanes;
    for (std::int64_t tile = 0; tile < terms / kLanes; ++tile) {
      const std::int64_t r = tile / tile_cols, c = tile % tile_cols;
      for (std::int64_t image = 0; image < kLanes; ++image) {
        const std::int64_t term = (tile * kLanes + image) * kLanes;
        const float* x_in = xt + (2 * r * x_cols + 2 * c) * x_pixel + image * parts.inputs;
        for (int i = 0; i < parts.inputs; i += kWidth)
          transform_input(x_in + i, x_cols * x_pixel, x_pixel, v + i / kLanes * panel + term + i % kLanes,
                          parts.v_position);
        const float* dy_in = dyt + (2 * r * dy_cols + 2 * c) * dy_pixel + image * parts.outputs;
        for (int o = 0; o < parts.outputs; o += kWidth)
          transform_gradient(dy_in + o, dy_cols * dy_pixel, dy_pixel,
                             d + o / kLanes * panel + term + o % kLanes, parts.d_position);
      }
    }
    const int vectors = static_cast<int>(parts.inputs / kWidth);
    for (int position = 0; position < kPositions; ++position) {
      const float* v_at = v + position * parts.v_position;
      for (int i = 0; i < vectors;) {
        const auto columns = [&]<int C>(std::integral_constant<int, C>) HWY_ATTR {
          const float* of_columns[C];
          for (int c = 0; c < C; ++c)
            of_columns[c] = v_at + (i + c) / kParts * panel + (i + c) % kParts * kWidth;
          for (int o = 0; o < s.outputs; o += kLanes)
            outer_product_columns<C>(d + position * parts.d_position + o / kLanes * panel, of_columns, terms,
                                     std::min(kLanes, s.outputs - o),
                                     sums + position * parts.sum_position + o * parts.inputs + i * kWidth,
                                     parts.inputs, first > 0);
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
  }
  const std::int64_t tap = s.outputs * parts.inputs;
  for (std::int64_t at = 0; at < tap; at += kWidth)
    transform_kernel_gradient(sums + at, parts.sum_position, dw + at, tap, accumulate);
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

/// G w for three numbers of each of the 8 outputs of a group.
void winograd_pack(const float* w, int inputs, int outputs, std::int64_t input_stride,
                   std::int64_t output_stride, bool flip, float* packed, int group) {
  const int first = group * kGroup, count = std::min(kGroup, outputs - first);
  float* const to = packed + std::int64_t{first} * kPositions * inputs;
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
      const V8 half = hn::Set(d8, 0.5f);
      const auto transform = [&](V8 a, V8 b, V8 c, V8(&t)[4]) HWY_ATTR {
        const V8 outer = hn::Mul(half, hn::Add(a, c)), inner = hn::Mul(half, b);
        t[0] = a;
        t[1] = hn::Add(outer, inner);
        t[2] = hn::Sub(outer, inner);
        t[3] = c;
      };
      V8 columns[3][4];
      CNN_UNROLL for (int c = 0; c < 3; ++c) {
        transform(hn::Load(d8, kernels[c] + o), hn::Load(d8, kernels[3 + c] + o),
                  hn::Load(d8, kernels[6 + c] + o), columns[c]);
      }
      CNN_UNROLL for (int r = 0; r < 4; ++r) {
        V8 t[4];
        transform(columns[0][r], columns[1][r], columns[2][r], t);
        CNN_UNROLL for (int c = 0; c < 4; ++c)
            hn::Store(t[c], d8, to + (std::int64_t{r * 4 + c} * inputs + i) * kGroup + o);
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
  // Products of the direct sum over those of the tiles: 2.25 where 2x2 tiles fit.
  const double saving = 9.0 * rows * cols / (16.0 * shape.tiles());
  return inputs >= kChannels && outputs >= kChannels && saving >= 1.25;
}

std::int64_t winograd_packed_size(int inputs, int outputs) {
  return std::int64_t{winograd_groups(outputs)} * kGroup * kPositions * inputs;
}

std::int64_t winograd_sum_scratch(int inputs, int outputs) {
  return SumScratch(inputs, outputs, tiles_in_strip(inputs)).floats();
}

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
