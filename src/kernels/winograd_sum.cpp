#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/winograd_sum.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "kernels/pool-inl.h"
#include "kernels/rectifier-inl.h"
#include "kernels/winograd-inl.h"
#include "kernels/winograd.h"

#ifndef CNN_KERNELS_WINOGRAD_SUM_ONCE
#define CNN_KERNELS_WINOGRAD_SUM_ONCE
namespace cnn {
namespace {

using namespace winograd;

constexpr int kWidestPanel = 3;  ///< vectors of a register tile

constexpr int kMostTiles = 8;  ///< in a strip, however few the inputs: the second-level cache holds all of it

/// Most tiles that winograd_sum() takes at once. One position of their transformed input, which is read once
/// for each group of outputs, should stay in the first-level cache; but four at least, since all weights are
/// read for every strip.
int most_tiles_in_strip(const Winograd& s) {
  constexpr int kFloats = 16 * 1024 / 4;
  return std::clamp(kFloats / (s.inputs * kLanes), 4, kMostTiles);
}

/// Outputs whose products winograd_sum() makes before it transforms them back: few, so that they are still
/// near, but no fewer than the inputs, since all of those are read for each of these portions.
int outputs_of_portion(const Winograd& s, int outputs) {
  return std::min(static_cast<int>(round_up(outputs, kGroup)),
                  std::max(32, static_cast<int>(round_up(s.inputs, kGroup))));
}

/// The two parts of winograd_sum()'s scratch, for strips of `tiles` and portions of `outputs`.
struct SumScratch {
  SumScratch(const Winograd& s, int tiles, int outputs)
      : v_position(s.inputs * std::int64_t{tiles + kWidestPanel} * kLanes + kSkew),
        m_position(std::int64_t{outputs} * tiles * kLanes + kSkew) {}
  std::int64_t v_position;  ///< floats from one position to the next
  std::int64_t m_position;
  std::int64_t floats() const { return kPositions * (v_position + m_position); }
};

}  // namespace
}  // namespace cnn
#endif

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {
namespace {

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
  transform_tile<kReach, kTile>([&](int r, int c) HWY_ATTR { return load(m + (r * kReach + c) * position); },
                                [](const V(&in)[kReach], V(&out)[kTile])
                                    HWY_ATTR { output_transform(in, out); },
                                [&](int r, int c, V t) HWY_ATTR { y[r][c] = t; });
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
  TilePlace() = default;
  TilePlace(const Winograd& s, int tile)
      : row(tile / s.tile_cols() * kTile),
        col(tile % s.tile_cols() * kTile),
        rows(std::min(kTile, s.rows - row)),
        cols(std::min(kTile, s.cols - col)) {}
  int row = 0, col = 0, rows = 0, cols = 0;
};

/// What the epilogue makes of a tile of output o, up to the rectifier.
HWY_INLINE void finish(const SumEpilogue& epilogue, int o, V (&tile)[kTile][kTile]) {
  const V bias = epilogue.bias ? broadcast(epilogue.bias[o]) : zero();
  for (auto& row : tile)
    for (V& value : row) value = hn::Add(value, bias);
  if (epilogue.affine.given()) {
    const V mean = broadcast(epilogue.affine.mean[o]), scale = broadcast(epilogue.affine.scale[o]),
            shift = broadcast(epilogue.affine.shift[o]);
    for (auto& row : tile)
      for (V& value : row) value = hn::MulAdd(hn::Sub(value, mean), scale, shift);
  }
  if (epilogue.rectifier == Rectifier::relu)
    for (auto& row : tile)
      for (V& value : row) value = rectified<Rectifier::relu>(value);
  if (epilogue.rectifier == Rectifier::relu6)
    for (auto& row : tile)
      for (V& value : row) value = rectified<Rectifier::relu6>(value);
}

/// What of the tile lies inside the map; y: its first pixel. With loops that end at at.rows and at.cols, the
/// tile would have to lie in memory.
HWY_INLINE void store_tile(const V (&tile)[kTile][kTile], const TilePlace& at, float* y, std::int64_t row) {
  CNN_UNROLL for (int i = 0; i < kTile; ++i) {
    if (i >= at.rows) return;
    float* const to = y + i * row * kLanes;
    store(tile[i][0], to);
    CNN_UNROLL for (int j = 1; j < kTile; ++j) {
      if (j < at.cols) store(tile[i][j], to + j * kLanes);
    }
  }
}

/// The windows of the tile that lie inside the map; y, winners: of its first one. cols: of the map.
HWY_INLINE void store_pooled(const V (&tile)[kTile][kTile], const TilePlace& at, int cols, bool only_positive,
                             float* y, std::int64_t row, std::int32_t* winners) {
  for (int i = 0; i + 1 < at.rows; i += 2) {
    for (int j = 0; j + 1 < at.cols; j += 2) {
      const int place = (at.row + i) * cols + at.col + j;
      Largest largest(tile[i][j], place);
      largest.meet(tile[i][j + 1], place + 1);
      largest.meet(tile[i + 1][j], place + cols);
      largest.meet(tile[i + 1][j + 1], place + cols + 1);
      store(largest.value, y + (i / 2 * row + j / 2) * kLanes);
      if (winners) largest.store_place(only_positive, winners + (i / 2 * (cols / 2) + j / 2) * kLanes);
    }
  }
}

/// Where the tiles of one output go: into y, or y's pooling.
class TileStore {
 public:
  TileStore(const Winograd& s, const SumEpilogue& epilogue, float* y) : s_(s), epilogue_(epilogue), y_(y) {}

  HWY_INLINE void operator()(const V (&tile)[kTile][kTile], const TilePlace& at, int o, int part) const {
    const std::int64_t lanes = std::int64_t{part} * kWidth;
    if (!epilogue_.pool)
      return store_tile(tile, at, y_ + (o * s_.y_plane + at.row * s_.y_row + at.col) * kLanes + lanes,
                        s_.y_row);
    const int row = at.row / 2, col = at.col / 2;
    const std::int64_t pooled = (std::int64_t{o} * (s_.rows / 2) + row) * (s_.cols / 2) + col;
    store_pooled(tile, at, s_.cols, epilogue_.rectifier != Rectifier::none,
                 y_ + (o * s_.y_plane + row * s_.y_row + col) * kLanes + lanes, s_.y_row,
                 epilogue_.winners ? epilogue_.winners + pooled * kLanes + lanes : nullptr);
  }

 private:
  const Winograd& s_;
  const SumEpilogue& epilogue_;
  float* y_;
};

/// A strip of tiles goes through three steps: transform, products, transform back. Both transforms take one
/// map after the other: tiles side by side are runs of memory that the processor fetches ahead, while one
/// tile of all maps would be as many places far apart. The transformed tiles lie in panels of a few vectors
/// (parts of tiles), so that the products read them in one straight line: v[position][panel][input][vector of
/// the panel], m[position][output][vector].
void winograd_sum(const Winograd& s, const WinogradPart& part, const float* packed,
                  const SumEpilogue& epilogue, const float* x, float* y, float* scratch) {
  const TileStore store_outputs(s, epilogue, y);
  const int first_tile = part.first_tile_row * s.tile_cols(), end_tile = part.end_tile_row * s.tile_cols();
  // The same number of tiles each time, or nearly so.
  const int most = even_piece(end_tile - first_tile, most_tiles_in_strip(s));
  const int portion = outputs_of_portion(s, part.end_output - part.first_output);
  const SumScratch parts(s, most, portion);
  float* const v = scratch;
  float* const m = v + kPositions * parts.v_position;
  for (int first = first_tile; first < end_tile; first += most) {
    const int count = std::min(most, end_tile - first), vectors = count * kParts;
    const int width = even_piece(vectors, kWidestPanel);
    const std::int64_t panel_floats = std::int64_t{s.inputs} * width * kWidth;
    TilePlace places[kMostTiles];
    std::int64_t from[kMostTiles * kParts], to[kMostTiles * kParts];
    for (int tile = 0; tile < count; ++tile) places[tile] = TilePlace(s, first + tile);
    for (int vector = 0; vector < vectors; ++vector) {
      const TilePlace& at = places[vector / kParts];
      from[vector] = (at.row * s.x_row + at.col) * kLanes + vector % kParts * kWidth;
      to[vector] = vector / width * panel_floats + vector % width * kWidth;
    }
    const float* in = x;
    float* out = v;
    for (int i = 0; i < s.inputs; ++i, in += s.x_plane * kLanes, out += width * kWidth)
      for (int vector = 0; vector < vectors; ++vector)
        transform_input(in + from[vector], s.x_row * kLanes, kLanes, out + to[vector], parts.v_position);
    const std::int64_t m_output = std::int64_t{count} * kLanes;
    for (int begin = part.first_output; begin < part.end_output; begin += portion) {
      const int end = std::min(begin + portion, part.end_output);
      for (int position = 0; position < kPositions; ++position)
        for (int o = begin; o < end; o += kGroup) {
          const float* u = packed + (position * round_up(s.outputs, kGroup) + o) * s.inputs;
          for (int vector = 0; vector < vectors; vector += width)
            group_product(u, v + position * parts.v_position + vector / width * panel_floats, width, s.inputs,
                          std::min(width, vectors - vector),
                          m + position * parts.m_position + (o - begin) * m_output + vector * kWidth,
                          m_output);
        }
      for (int o = begin; o < end; ++o) {
        for (int vector = 0; vector < vectors; ++vector) {
          const TilePlace& at = places[vector / kParts];
          V tile[kTile][kTile];
          transform_output(m + (o - begin) * m_output + vector * kWidth, parts.m_position, tile);
          finish(epilogue, o, tile);
          store_outputs(tile, at, o, vector % kParts);
        }
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

std::int64_t winograd_sum_scratch(const Winograd& shape) {
  const int tiles = std::min(shape.tiles(), most_tiles_in_strip(shape));
  return SumScratch(shape, tiles, outputs_of_portion(shape, shape.outputs)).floats();
}

HWY_EXPORT(winograd_sum);
void winograd_sum(const Winograd& shape, const WinogradPart& part, const float* packed,
                  const SumEpilogue& epilogue, const float* x, float* y, float* scratch) {
  HWY_DYNAMIC_DISPATCH(winograd_sum)(shape, part, packed, epilogue, x, y, scratch);
}

}  // namespace cnn
#endif
