#pragma once

#include <cstdint>

#include "core/block.h"

namespace cnn {

/// Windows of KH x KW, SH x SW apart, over a map with PH, PW cells of padding on every side (letters:
/// kernels/letters.h). Windows are clipped to the map: padding is never read.
struct PoolWindow {
  int kh = 1, kw = 1;
  int sh = 1, sw = 1;
  int ph = 0, pw = 0;
};

/// y = the largest value of each window, the first on ties; NaN wins. `winners` (one int32 pixel of 16 per
/// output, [c][oh][ow][16], or null) takes the winner's place in the map: ih*IW + iw. only_positive: -1 where
/// y is not above 0, so that the gradient stops there.
void max_pool_forward(const PoolWindow& window, BlockView<const float> x, BlockView<float> y,
                      std::int32_t* winners, bool only_positive = false);

/// dx[winner] += dy for every window with a winner (windows may overlap); overwrites dx.
void max_pool_backward(const PoolWindow& window, const std::int32_t* winners, BlockView<const float> dy,
                       BlockView<float> dx);

/// y = the mean of each window. The divisor is KH*KW with `count_include_pad` (less what sticks out beyond
/// the padding, as in PyTorch), else the number of cells inside the map.
void avg_pool_forward(const PoolWindow& window, bool count_include_pad, BlockView<const float> x,
                      BlockView<float> y);

/// Spreads every dy evenly over its window; overwrites dx.
void avg_pool_backward(const PoolWindow& window, bool count_include_pad, BlockView<const float> dy,
                       BlockView<float> dx);

}  // namespace cnn
