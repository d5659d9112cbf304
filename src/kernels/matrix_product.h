#pragma once

#include <cstdint>

namespace cnn {

/// c[i][j] = alpha * (sum over k of a[i][k] * b[k][j]) + beta * d[i][j]
///
/// a: [rows][depth], b: [depth][cols], c and d: [rows][cols], row by row; a row begins a pitch after the one
/// before. cols and the pitches of b, c and d are multiples of 16, and these begin on 64 bytes. d may be
/// null, and counts as zeros; c overlaps none of the others. Each sum is taken in the order of k by fused
/// multiply-adds: results depend on nothing else.
struct MatrixProduct {
  int rows = 0, cols = 0, depth = 0;
  const float* a = nullptr;
  const float* b = nullptr;
  const float* d = nullptr;
  float* c = nullptr;
  std::int64_t a_pitch = 0, b_pitch = 0, d_pitch = 0, c_pitch = 0;
  float alpha = 1, beta = 0;
};

/// Pieces of the product that may be computed at the same time.
int matrix_product_tasks(const MatrixProduct& product);
void matrix_product(const MatrixProduct& product, int task);

}  // namespace cnn
