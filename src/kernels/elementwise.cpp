#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/elementwise.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "kernels/elementwise.h"
#include "kernels/rectifier-inl.h"

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {
namespace {

/// Calls row(c, h) for every row of y.
template <class Row>
HWY_INLINE void for_each_row(BlockView<float> y, const Row& row) {
  for (int c = 0; c < y.c; ++c)
    for (int h = 0; h < y.h; ++h) row(c, h);
}

template <Rectifier kRectifier>
void rectified_sum(BlockView<const float> a, BlockView<const float> b, BlockView<float> y) {
  for_each_row(y, [&](int c, int h) HWY_ATTR {
    const float *left = a.at(c, h, 0), *right = b.at(c, h, 0);
    float* const to = y.at(c, h, 0);
    for (int i = 0; i < y.w * kLanes; i += kWidth)
      store(rectified<kRectifier>(hn::Add(load(left + i), load(right + i))), to + i);
  });
}

void add(BlockView<const float> a, BlockView<const float> b, BlockView<float> y, Rectifier rectifier) {
  with_rectifier(rectifier, [&]<Rectifier kRectifier>() { rectified_sum<kRectifier>(a, b, y); });
}

template <Rectifier kRectifier>
void passed_gradient(BlockView<const float> y, BlockView<const float> dy, BlockView<float> da,
                     BlockView<float> db) {
  for_each_row(da.empty() ? db : da, [&](int c, int h) HWY_ATTR {
    const float* const at = kRectifier == Rectifier::none ? nullptr : y.at(c, h, 0);
    const float* const from = dy.at(c, h, 0);
    float* const to_a = da.empty() ? nullptr : da.at(c, h, 0);
    float* const to_b = db.empty() ? nullptr : db.at(c, h, 0);
    for (int i = 0; i < dy.w * kLanes; i += kWidth) {
      V d = load(from + i);
      if constexpr (kRectifier != Rectifier::none)
        d = hn::IfThenZeroElse(stopped<kRectifier>(load(at + i)), d);
      if (to_a) store(d, to_a + i);
      if (to_b) store(d, to_b + i);
    }
  });
}

void add_backward(Rectifier rectifier, BlockView<const float> y, BlockView<const float> dy,
                  BlockView<float> da, BlockView<float> db) {
  if (da.empty() && db.empty()) return;
  with_rectifier(rectifier, [&]<Rectifier kRectifier>() { passed_gradient<kRectifier>(y, dy, da, db); });
}

void multiply(BlockView<const float> a, BlockView<const float> b, BlockView<float> y) {
  for_each_row(y, [&](int c, int h) HWY_ATTR {
    const float *left = a.at(c, h, 0), *right = b.at(c, h, 0);
    float* const to = y.at(c, h, 0);
    for (int i = 0; i < y.w * kLanes; i += kWidth) store(hn::Mul(load(left + i), load(right + i)), to + i);
  });
}

void scale(float factor, BlockView<const float> x, BlockView<float> y) {
  const V f = broadcast(factor);
  for_each_row(y, [&](int c, int h) HWY_ATTR {
    const float* const from = x.at(c, h, 0);
    float* const to = y.at(c, h, 0);
    for (int i = 0; i < y.w * kLanes; i += kWidth) store(hn::Mul(f, load(from + i)), to + i);
  });
}

void multiply_maps(BlockView<const float> x, BlockView<const float> factors, BlockView<float> y) {
  for_each_row(y, [&](int c, int h) HWY_ATTR {
    const float* const from = x.at(c, h, 0);
    float* const to = y.at(c, h, 0);
    for (int part = 0; part < kLanes; part += kWidth) {
      const V factor = load(factors.at(c, 0, 0) + part);
      for (int i = part; i < y.w * kLanes; i += kLanes) store(hn::Mul(load(from + i), factor), to + i);
    }
  });
}

void sum_products(BlockView<const float> a, BlockView<const float> b, BlockView<float> sums) {
  for (int c = 0; c < sums.c; ++c) {
    for (int part = 0; part < kLanes; part += kWidth) {
      V even = zero(), odd = zero();
      for (int h = 0; h < a.h; ++h) {
        const float *left = a.at(c, h, 0) + part, *right = b.at(c, h, 0) + part;
        const auto product = [&](int w) HWY_ATTR {
          return hn::Mul(load(left + w * kLanes), load(right + w * kLanes));
        };
        int w = 0;
        for (; w + 1 < a.w; w += 2) even = hn::Add(even, product(w)), odd = hn::Add(odd, product(w + 1));
        if (w < a.w) even = hn::Add(even, product(w));
      }
      store(hn::Add(even, odd), sums.at(c, 0, 0) + part);
    }
  }
}

void clear_halo(BlockView<float> y, int top, int left, int bottom, int right) {
  const auto clear = [](float* to, int pixels) HWY_ATTR {
    for (int i = 0; i < pixels * kLanes; i += kWidth) store(zero(), to + i);
  };
  const int width = left + y.w + right;
  for (int c = 0; c < y.c; ++c) {
    for (int h = -top; h < 0; ++h) clear(y.at(c, h, -left), width);
    for (int h = 0; h < y.h; ++h) {
      clear(y.at(c, h, -left), left);
      clear(y.at(c, h, y.w), right);
    }
    for (int h = y.h; h < y.h + bottom; ++h) clear(y.at(c, h, -left), width);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace cnn
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cnn {

HWY_EXPORT(add);
void add(BlockView<const float> a, BlockView<const float> b, BlockView<float> y, Rectifier rectifier) {
  HWY_DYNAMIC_DISPATCH(add)(a, b, y, rectifier);
}

HWY_EXPORT(add_backward);
void add_backward(Rectifier rectifier, BlockView<const float> y, BlockView<const float> dy,
                  BlockView<float> da, BlockView<float> db) {
  HWY_DYNAMIC_DISPATCH(add_backward)(rectifier, y, dy, da, db);
}

HWY_EXPORT(multiply);
void multiply(BlockView<const float> a, BlockView<const float> b, BlockView<float> y) {
  HWY_DYNAMIC_DISPATCH(multiply)(a, b, y);
}

HWY_EXPORT(scale);
void scale(float factor, BlockView<const float> x, BlockView<float> y) {
  HWY_DYNAMIC_DISPATCH(scale)(factor, x, y);
}

HWY_EXPORT(multiply_maps);
void multiply_maps(BlockView<const float> x, BlockView<const float> factors, BlockView<float> y) {
  HWY_DYNAMIC_DISPATCH(multiply_maps)(x, factors, y);
}

HWY_EXPORT(sum_products);
void sum_products(BlockView<const float> a, BlockView<const float> b, BlockView<float> sums) {
  HWY_DYNAMIC_DISPATCH(sum_products)(a, b, sums);
}

HWY_EXPORT(clear_halo);
void clear_halo(BlockView<float> y, int top, int left, int bottom, int right) {
  HWY_DYNAMIC_DISPATCH(clear_halo)(y, top, left, bottom, right);
}

void copy(BlockView<const float> x, BlockView<float> y) {
  for (int c = 0; c < y.c; ++c)
    for (int h = 0; h < y.h; ++h) std::copy_n(x.at(c, h, 0), y.w * kLanes, y.at(c, h, 0));
}

}  // namespace cnn
#endif
