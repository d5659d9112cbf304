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
/// behind the normalization shares its way through memory, here and in normalize_sums().
void normalize_forward(const ChannelAffine& affine, Rectifier rectifier, BlockView<const float> x,
                       BlockView<float> y);

/// The same, and a max pooling of 2x2 pixels side by side in one go: y is the pooling's, the last of an odd
/// number of rows or columns of x has no window. winners: as max_pool_forward() leaves them, only_positive
/// with a rectifier; or null.
void normalize_and_pool(const ChannelAffine& affine, Rectifier rectifier, BlockView<const float> x,
                        BlockView<float> y, std::int32_t* winners);

/// sum_dy[c] = sum of dy, sum_dy_x[c] = sum of dy * (x - mean[c]) over pixels and the first `images` lanes.
/// With a rectifier, dy is that of the rectified y and first becomes that of y, in place.
void normalize_sums(const ChannelAffine& affine, Rectifier rectifier, BlockView<const float> x,
                    BlockView<float> dy, int images, double* sum_dy, double* sum_dy_x);

/// dx = scale * (dy - mean_dy - (x - mean) * slope), empty lanes 0. With m values in the batch,
/// mean_dy = sum_dy / m and slope = sum_dy_x / (m (variance + eps)). dx may be dy.
struct NormalizeGradient {
  const float* mean;
  const float* scale;
  const float* mean_dy;
  const float* slope;
};
void normalize_backward(const NormalizeGradient& gradient, BlockView<const float> x,
                        BlockView<const float> dy, int images, BlockView<float> dx);

}  // namespace cnn
