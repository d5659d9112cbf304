#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/matrix_product.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "kernels/lanes-inl.h"
#include "kernels/matrix_product.h"

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {
namespace {

// A tile of accumulators that leaves registers for the operands: 8 rows of two vectors on AVX-512, 6 of four
// on NEON, 4 of two on AVX2, 3 of four on SSE4.
constexpr int kTileVectors = kParts == 1 ? 2 : kParts;
constexpr int kTileColumns = kTileVectors * kWidth;  // 16 or 32
constexpr int kTileRows = kRegisters == 32 ? (kParts == 4 ? 6 : 8) : kParts == 4 ? 3 : 4;

/// A tile of Rows x Vectors at row i, column j.
template <int Rows, int Vectors>
HWY_INLINE void tile(const MatrixProduct& p, int i, int j) {
  V sums[Rows][Vectors];
  CNN_UNROLL
  for (int r = 0; r < Rows; ++r) CNN_UNROLL
  for (int v = 0; v < Vectors; ++v) sums[r][v] = zero();
  const float* a = p.a + i * p.a_pitch;
  const float* b = p.b + j;
  for (int k = 0; k < p.depth; ++k, b += p.b_pitch) {
    V row[Vectors];
    CNN_UNROLL
    for (int v = 0; v < Vectors; ++v) row[v] = load(b + v * kWidth);
    CNN_UNROLL
    for (int r = 0; r < Rows; ++r) {
      const V left = broadcast(a[r * p.a_pitch + k]);
      CNN_UNROLL
      for (int v = 0; v < Vectors; ++v) sums[r][v] = hn::MulAdd(left, row[v], sums[r][v]);
    }
  }
  // Unrolled, so that no index keeps the sums in memory.
  CNN_UNROLL for (int r = 0; r < Rows; ++r) {
    CNN_UNROLL for (int v = 0; v < Vectors; ++v) {
      V result = hn::Mul(broadcast(p.alpha), sums[r][v]);
      if (p.d)
        result = hn::MulAdd(broadcast(p.beta), load(p.d + (i + r) * p.d_pitch + j + v * kWidth), result);
      store(result, p.c + (i + r) * p.c_pitch + j + v * kWidth);
    }
  }
}

template <int Rows>
HWY_INLINE void strip(const MatrixProduct& p, int i, int j) {
  if (p.cols - j >= kTileColumns)
    tile<Rows, kTileVectors>(p, i, j);
  else
    tile<Rows, kParts>(p, i, j);
}

void matrix_product(const MatrixProduct& p, int row_begin, int row_end, int col_begin, int col_end) {
  for (int j = col_begin; j < col_end; j += kTileColumns) {
    int i = row_begin;
    for (; i + kTileRows <= row_end; i += kTileRows) strip<kTileRows>(p, i, j);
    for (; i < row_end; ++i) strip<1>(p, i, j);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace cnn
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cnn {
namespace {

// Pieces of a task: their operands stay in the caches, and 64 x 64 x 64 products take some microseconds.
constexpr int kTaskRows = 64, kTaskCols = 64;

int pieces(int size, int piece) { return (size + piece - 1) / piece; }

}  // namespace

HWY_EXPORT(matrix_product);

int matrix_product_tasks(const MatrixProduct& p) {
  return pieces(p.rows, kTaskRows) * pieces(p.cols, kTaskCols);
}

void matrix_product(const MatrixProduct& p, int task) {
  const int across = pieces(p.cols, kTaskCols);
  const int row = task / across * kTaskRows, col = task % across * kTaskCols;
  HWY_DYNAMIC_DISPATCH(matrix_product)
  (p, row, std::min(row + kTaskRows, p.rows), col, std::min(col + kTaskCols, p.cols));
}

}  // namespace cnn
#endif
