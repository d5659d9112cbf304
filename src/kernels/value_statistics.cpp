#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/value_statistics.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/lanes-inl.h"
#include "kernels/value_statistics.h"

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {
namespace {

/// Of one lane each.
struct LaneSums {
  double active[kLanes] = {}, sum[kLanes] = {}, squares[kLanes] = {};
};

/// Adds the row's sums to those of the lanes of one part of a pixel.
HWY_INLINE void add_lanes(V row, double* sums) {
  HWY_ALIGN float lanes[kWidth];
  store(row, lanes);
  for (int lane = 0; lane < kWidth; ++lane) sums[lane] += lanes[lane];
}

void add_row(const float* x, int pixels, LaneSums& sums) {
  V active[kParts], sum[kParts], squares[kParts];
  CNN_UNROLL for (int part = 0; part < kParts; ++part) active[part] = sum[part] = squares[part] = zero();
  const V one = broadcast(1.0f);
  for (int w = 0; w < pixels; ++w, x += kLanes) {
    CNN_UNROLL for (int part = 0; part < kParts; ++part) {
      const V value = load(x + part * kWidth);
      active[part] = hn::Add(active[part], hn::IfThenElseZero(hn::Gt(value, zero()), one));
      sum[part] = hn::Add(sum[part], value);
      squares[part] = hn::MulAdd(value, value, squares[part]);
    }
  }
  CNN_UNROLL for (int part = 0; part < kParts; ++part) {
    add_lanes(active[part], sums.active + part * kWidth);
    add_lanes(sum[part], sums.sum + part * kWidth);
    add_lanes(squares[part], sums.squares + part * kWidth);
  }
}

void add_statistics(BlockView<const float> x, int images, ValueStatistics& s) {
  LaneSums sums;
  for (int c = 0; c < x.c; ++c)
    for (int h = 0; h < x.h; ++h) add_row(x.at(c, h, 0), x.w, sums);
  s.count += static_cast<double>(x.pixels()) * images;
  for (int lane = 0; lane < images; ++lane) {
    s.active += sums.active[lane];
    s.sum += sums.sum[lane];
    s.sum_of_squares += sums.squares[lane];
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace cnn
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cnn {

HWY_EXPORT(add_statistics);
void add_statistics(BlockView<const float> x, int images, ValueStatistics& statistics) {
  HWY_DYNAMIC_DISPATCH(add_statistics)(x, images, statistics);
}

}  // namespace cnn
#endif
