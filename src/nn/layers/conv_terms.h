#pragma once

#include <algorithm>

#include "nn/layers/conv_algorithm.h"

namespace cnn {

/// The terms of a direct convolution's sums: k runs over (ic, kh, kw) of a group.
class ConvTerms {
 public:
  explicit ConvTerms(const ConvGeometry& geometry)
      : inputs_(geometry.group_inputs()),
        kernel_(geometry.spec.kernel_size),
        dilation_(geometry.spec.dilation) {}

  int count() const { return inputs_ * kernel_.h * kernel_.w; }
  /// Floats of the worker's scratch, from its beginning, that offsets() fills.
  std::int64_t scratch() const { return (count() + kLanes - 1) / kLanes * std::int64_t{kLanes}; }

  /// offset[k] of WeightedSum and WeightGradient for x's pitches. Training and evaluation may plan different
  /// halos.
  const std::int32_t* offsets(const Pass& pass, BlockView<const float> x) const {
    auto* const offsets = reinterpret_cast<std::int32_t*>(pass.scratch());
    auto* next = offsets;
    for (int ic = 0; ic < inputs_; ++ic)
      for (int kh = 0; kh < kernel_.h; ++kh)
        for (int kw = 0; kw < kernel_.w; ++kw)
          *next++ = static_cast<std::int32_t>(
              (ic * x.plane + std::int64_t{kh} * dilation_.h * x.row + std::int64_t{kw} * dilation_.w) *
              kLanes);
    return offsets;
  }

  /// Calls use(group, channels of the group) for every group of `of_group` channels that has some of these.
  template <class Use>
  static void for_each_group(const Extent& channels, int of_group, const Use& use) {
    for (int g = channels.first / of_group; g * of_group < channels.end; ++g)
      use(g, Extent{std::max(channels.first - g * of_group, 0),
                    std::min(channels.end - g * of_group, of_group)});
  }

 private:
  int inputs_;
  Size2 kernel_, dilation_;
};

}  // namespace cnn
