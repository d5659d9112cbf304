#include "train/muon.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/block.h"
#include "core/chunks.h"
#include "kernels/matrix_product.h"
#include "kernels/optimizer.h"

namespace cnn {
namespace {

std::int64_t padded(std::int64_t floats) { return (floats + kLanes - 1) / kLanes * kLanes; }

/// to[j][i] = from[i][j], in squares that fit the L1 cache. Pitches are in floats.
void transpose(const float* from, std::int64_t from_pitch, int rows, int cols, float* to,
               std::int64_t to_pitch, ThreadPool& pool) {
  constexpr int kSquare = 32;
  pool.parallel_for((cols + kSquare - 1) / kSquare, [&](std::int64_t strip, int) {
    const int first = static_cast<int>(strip) * kSquare, end = std::min(first + kSquare, cols);
    for (int top = 0; top < rows; top += kSquare)
      for (int j = first; j < end; ++j)
        for (int i = top; i < std::min(top + kSquare, rows); ++i)
          to[j * to_pitch + i] = from[i * from_pitch + j];
  });
}

void multiply(const MatrixProduct& product, ThreadPool& pool) {
  pool.parallel_for(matrix_product_tasks(product),
                    [&](std::int64_t task, int) { matrix_product(product, static_cast<int>(task)); });
}

/// |x|, in one order.
double norm(const float* x, std::int64_t count) {
  double sum = 0;
  for (std::int64_t first = 0; first < count; first += kChunk)
    sum += sum_of_squares(std::min(kChunk, count - first), x + first);
  return std::sqrt(sum);
}

}  // namespace

Muon::Sizes Muon::sizes(const std::vector<Matrix>& matrices) {
  Sizes most{0, 0, 0};
  for (const Matrix& matrix : matrices) {
    const std::int64_t low = std::min(matrix.rows, matrix.cols), wide = std::max(matrix.rows, matrix.cols);
    most.wide = std::max(most.wide, low * padded(wide));
    most.turned = std::max(most.turned, wide * padded(low));
    most.square = std::max(most.square, low * padded(low));
  }
  return most;
}

Muon::Muon(const MuonSpec& spec, const std::vector<Matrix>& most) : spec_(spec) {
  const Sizes size = sizes(most);
  for (AlignedBuffer* buffer : {&update_, &x_, &y_}) *buffer = AlignedBuffer(size.wide + kLanes);
  turned_ = AlignedBuffer(size.turned);
  for (AlignedBuffer* buffer : {&a_, &b_}) *buffer = AlignedBuffer(size.square);
}

std::int64_t Muon::bytes(const std::vector<Matrix>& matrices) {
  const Sizes size = sizes(matrices);
  return (3 * size.wide + size.turned + 2 * size.square) * static_cast<std::int64_t>(sizeof(float));
}

const float* Muon::orthogonalize(int rows, int cols, ThreadPool& pool) {
  const std::int64_t wide = padded(cols), square = padded(rows);
  float *x = x_.data(), *next = y_.data();
  for (int step = 0; step < spec_.steps; ++step) {
    transpose(x, wide, rows, cols, turned_.data(), square, pool);
    multiply({.rows = rows,
              .cols = static_cast<int>(square),
              .depth = cols,
              .a = x,
              .b = turned_.data(),
              .c = a_.data(),
              .a_pitch = wide,
              .b_pitch = square,
              .c_pitch = square},
             pool);
    multiply({.rows = rows,
              .cols = static_cast<int>(square),
              .depth = rows,
              .a = a_.data(),
              .b = a_.data(),
              .d = a_.data(),
              .c = b_.data(),
              .a_pitch = square,
              .b_pitch = square,
              .d_pitch = square,
              .c_pitch = square,
              .alpha = 2.0315f,
              .beta = -4.7750f},
             pool);
    multiply({.rows = rows,
              .cols = static_cast<int>(wide),
              .depth = rows,
              .a = b_.data(),
              .b = x,
              .d = x,
              .c = next,
              .a_pitch = square,
              .b_pitch = wide,
              .d_pitch = wide,
              .c_pitch = wide,
              .alpha = 1,
              .beta = 3.4445f},
             pool);
    std::swap(x, next);
  }
  return x;
}

void Muon::step(const Matrix& matrix, double rate, double decay_scale, float gradient_scale,
                const float* gradients, float* parameters, float* momentum, ThreadPool& pool) {
  const auto [offset, rows, cols] = matrix;
  const std::int64_t count = std::int64_t{rows} * cols;
  const MuonMomentum rule{.momentum = static_cast<float>(spec_.momentum),
                          .gradient_scale = gradient_scale,
                          .nesterov = spec_.nesterov};
  for_each_chunk(padded(count), pool, [&, first = offset](std::int64_t at, std::int64_t size) {
    muon_momentum(rule, size, gradients + first + at, momentum + first + at, update_.data() + at);
  });

  const bool high = rows > cols;
  const int low = std::min(rows, cols), wide = std::max(rows, cols);
  const std::int64_t pitch = padded(wide);
  const auto shrink = static_cast<float>(1 / (norm(update_.data(), padded(count)) + spec_.eps));
  float* w = parameters + offset;
  double keep = 1 - rate * spec_.weight_decay * decay_scale;
  if (spec_.normalize_weights) keep *= std::sqrt(static_cast<double>(rows)) / norm(w, padded(count));

  // The padding behind each row must be zero: it takes part in the products.
  std::fill_n(x_.data(), low * pitch, 0.0f);
  if (high)
    transpose(update_.data(), cols, rows, cols, x_.data(), pitch, pool);
  else
    for (int i = 0; i < low; ++i)
      std::copy_n(update_.data() + std::int64_t{i} * cols, cols, x_.data() + i * pitch);
  for (std::int64_t i = 0; i < low * pitch; ++i) x_.data()[i] *= shrink;
  const float* x = orthogonalize(low, wide, pool);
  const auto kept = static_cast<float>(keep);
  const auto size = static_cast<float>(rate * std::sqrt(std::max(1.0, static_cast<double>(rows) / cols)));
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < cols; ++j) {
      float& weight = w[std::int64_t{i} * cols + j];
      weight = kept * weight - size * (high ? x[j * pitch + i] : x[i * pitch + j]);
    }
}

}  // namespace cnn
