#pragma once

#include "core/block.h"

namespace cnn {

/// y = a + b, value by value. y may be a or b.
void add(BlockView<const float> a, BlockView<const float> b, BlockView<float> y);

/// y = a * b, value by value. y may be a or b.
void multiply(BlockView<const float> a, BlockView<const float> b, BlockView<float> y);

/// y = factor * x.
void scale(float factor, BlockView<const float> x, BlockView<float> y);

/// y = x, for views of the same size and different pitches.
void copy(BlockView<const float> x, BlockView<float> y);

/// Writes zeros into the halo around y: `top` rows, `left` columns before, `bottom`, `right` after.
void clear_halo(BlockView<float> y, int top, int left, int bottom, int right);

}  // namespace cnn
