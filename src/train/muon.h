#pragma once

#include <cstdint>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/thread_pool.h"
#include "nn/parameter_control.h"
#include "train/training_spec.h"

namespace cnn {

/// Muon: the step of a convolution's weight, as a matrix G of [OC] x [IC * KH * KW], is its momentum with all
/// singular values made about 1 (K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks",
/// 2024; torch.optim.Muon). With the learning rate r of the step:
///
///     m = momentum * m + (1 - momentum) * g,  u = nesterov ? momentum * m + (1 - momentum) * g : m
///     X = u / (|u| + eps), turned so that it is not higher than wide; then `steps` times
///         A = X X^T,  X = 3.4445 X + (-4.7750 A + 2.0315 A A) X
///     w = w * sqrt(OC) / |w|                        only with normalize_weights
///     w = w * (1 - r * weight_decay) - r * sqrt(max(1, rows / cols)) * X
class Muon {
 public:
  /// A weight, and where it lies among the parameters.
  struct Matrix {
    std::int64_t offset = 0;
    int rows = 0, cols = 0;
  };

  /// most: every matrix that will be given to step(); memory is for the largest.
  Muon(const MuonSpec& spec, const std::vector<Matrix>& most);

  /// One step of one matrix. gradients, parameters and momentum: of all parameters. gradient_scale: factor on
  /// g.
  void step(const Matrix& matrix, double rate, double decay_scale, float gradient_scale,
            const float* gradients, float* parameters, float* momentum, ThreadPool& pool);

  /// Memory for these.
  static std::int64_t bytes(const std::vector<Matrix>& matrices);

 private:
  struct Sizes {
    std::int64_t wide, turned, square;  ///< floats of X, of X^T and of A
  };
  static Sizes sizes(const std::vector<Matrix>& matrices);
  /// The buffer that holds the result: x_ or y_.
  const float* orthogonalize(int rows, int cols, ThreadPool& pool);

  MuonSpec spec_;
  AlignedBuffer update_, x_, y_, turned_, a_, b_;
};

}  // namespace cnn
