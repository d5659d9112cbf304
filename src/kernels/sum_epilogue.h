#pragma once

#include <cstdint>

#include "kernels/batch_norm.h"
#include "kernels/rectifier.h"

namespace cnn {

/// What happens to the sums of an output, z, before they are stored: in this order, each only if asked for.
/// The bits are those of a pass of its own for each.
struct SumEpilogue {
  const float* bias = nullptr;  ///< [outputs]: z + bias[o]
  ChannelAffine affine{};       ///< of each output: a batch normalization with constants that are known
  Rectifier rectifier = Rectifier::none;
  /// A max pooling of 2x2 pixels side by side: y and its pitches are the pooling's; the last of an odd number
  /// of rows or columns has no window.
  bool pool = false;
  /// With `pool`, as max_pool_forward() leaves them, only_positive with a rectifier; or null.
  std::int32_t* winners = nullptr;

  /// The same for outputs that begin with number `first` of these. `winners` stays.
  SumEpilogue from(int first) const {
    SumEpilogue rest = *this;
    if (bias) rest.bias += first;
    if (affine.given()) rest.affine = affine.from(first);
    return rest;
  }
};

}  // namespace cnn
