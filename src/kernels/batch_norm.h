#pragma once

#include <cstdint>

#include "core/block.h"
#include "kernels/rectifier.h"

namespace cnn {

/// Batch normalization (S. Ioffe, C. Szegedy, arXiv:1502.03167), cut where it needs other images: the
/// statistics of a block, the normalization with those of the batch, the sums of the backward pass, the
/// gradient of the input. Only the first `images` lanes of a block count.

/// Mean of `count` values and the sum of their squared distances from it.
struct Moments {
  double count = 0, mean = 0, m2 = 0;

  /// Joins two disjoint sets (T. Chan, G. Golub, R. LeVeque, "Algorithms for computing the sample variance",
  /// 1983).
  void merge(const Moments& other) {
    if (other.count == 0) return;
    const double total = count + other.count, distance = other.mean - mean;
    mean += distance * (other.count / total);
    m2 += other.m2 + distance * distance * (count * other.count / total);
    count = total;
  }
};

/// moments[c] of channel c over the pixels and images of this block, in two passes.
void channel_moments(BlockView<const float> x, int images, Moments* moments);

/// Per-channel constants of y = (x - mean) * scale + shift.
struct ChannelAffine {
  const float* mean = nullptr;
  const float* scale = nullptr;  ///< gamma / sqrt(variance + eps)
  const float* shift = nullptr;  ///< beta
  bool given() const { return mean != nullptr; }
  /// Of the channels from `first` on.
  ChannelAffine from(int first) const { return {mean + first, scale + first, shift + first}; }
};

/// y = (x - mean[c]) * scale[c] + shift[c], rectified, lane by lane, also in empty lanes. y may be x. A ReLU
/// behind the normalization shares its way through memory, here and on the way back.
void normalize_forward(const ChannelAffine& affine, Rectifier rectifier, BlockView<const float> x,
                       BlockView<float> y);

/// The same, and a max pooling of 2x2 pixels side by side in one go: y is the pooling's, the last of an odd
/// number of rows or columns of x has no window. winners: as max_pool_forward() leaves them, only_positive
/// with a rectifier; or null.
void normalize_and_pool(const ChannelAffine& affine, Rectifier rectifier, BlockView<const float> x,
                        BlockView<float> y, std::int32_t* winners);

/// What comes back to the output of a normalization, and of the rectifier behind it.
struct OutputGradient {
  /// Of every pixel; or, with `winners`, of a 2x2 max pooling behind, which passes it on to its winners.
  BlockView<const float> dy;
  const std::int32_t* winners = nullptr;  ///< as max_pool_forward() leaves them
};

/// sum_dy[c] = sum of dz, sum_dy_x[c] = sum of dz * (x - mean[c]) over pixels and the first `images` lanes.
/// dz is the gradient before the rectifier. Adds in the same order with and without a pooling.
void normalize_sums(const ChannelAffine& affine, Rectifier rectifier, BlockView<const float> x,
                    const OutputGradient& gradient, int images, double* sum_dy, double* sum_dy_x);

/// The constants of each channel, for the gradient of x. With m values in the batch, mean_dy = sum_dy / m and
/// slope = sum_dy_x / (m (variance + eps)).
struct NormalizeGradient {
  ChannelAffine affine;
  const float* mean_dy;
  const float* slope;
};

/// dx = scale * (dz - mean_dy - (x - mean) * slope), empty lanes 0. Without a pooling, dx may be dy.
void normalize_backward(const NormalizeGradient& constants, Rectifier rectifier, BlockView<const float> x,
                        const OutputGradient& gradient, int images, BlockView<float> dx);

}  // namespace cnn
