#pragma once

#include "core/block.h"
#include "kernels/rectifier.h"

namespace cnn {

/// y = a + b, rectified, value by value. y may be a or b.
void add(BlockView<const float> a, BlockView<const float> b, BlockView<float> y,
         Rectifier rectifier = Rectifier::none);

/// The gradient of add() for a and for b, each of which may be empty: dy where the rectifier passes y on,
/// else 0. One of them may be dy. y is not read without a rectifier.
void add_backward(Rectifier rectifier, BlockView<const float> y, BlockView<const float> dy,
                  BlockView<float> da, BlockView<float> db);

/// y = a * b, value by value. y may be a or b.
void multiply(BlockView<const float> a, BlockView<const float> b, BlockView<float> y);

/// y = factor * x.
void scale(float factor, BlockView<const float> x, BlockView<float> y);

/// y = x * factors[c], value by value: factors has one pixel a map. y may be x.
void multiply_maps(BlockView<const float> x, BlockView<const float> factors, BlockView<float> y);

/// sums[c] = sum of a * b over the pixels of map c, image by image: the pixels of a row in order, those of
/// even and of odd columns apart. sums has one pixel a map.
void sum_products(BlockView<const float> a, BlockView<const float> b, BlockView<float> sums);

/// y = x, for views of the same size and different pitches.
void copy(BlockView<const float> x, BlockView<float> y);

/// Writes zeros into the halo around y: `top` rows, `left` columns before, `bottom`, `right` after.
void clear_halo(BlockView<float> y, int top, int left, int bottom, int right);

}  // namespace cnn
