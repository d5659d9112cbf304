#include "kernels/elementwise.h"

#include <algorithm>
#include <cstdint>

namespace cnn {
namespace {

/// Plain loops over rows: the compiler vectorizes them, and each value is one operation whatever the width.
template <class Row>
void for_each_row(BlockView<float> y, Row&& row) {
  for (int c = 0; c < y.c; ++c)
    for (int h = 0; h < y.h; ++h) row(c, h, y.at(c, h, 0), y.w * kLanes);
}

}  // namespace

void add(BlockView<const float> a, BlockView<const float> b, BlockView<float> y) {
  for_each_row(y, [&](int c, int h, float* to, int count) {
    const float *left = a.at(c, h, 0), *right = b.at(c, h, 0);
    for (int i = 0; i < count; ++i) to[i] = left[i] + right[i];
  });
}

void multiply(BlockView<const float> a, BlockView<const float> b, BlockView<float> y) {
  for_each_row(y, [&](int c, int h, float* to, int count) {
    const float *left = a.at(c, h, 0), *right = b.at(c, h, 0);
    for (int i = 0; i < count; ++i) to[i] = left[i] * right[i];
  });
}

void scale(float factor, BlockView<const float> x, BlockView<float> y) {
  for_each_row(y, [&](int c, int h, float* to, int count) {
    const float* from = x.at(c, h, 0);
    for (int i = 0; i < count; ++i) to[i] = factor * from[i];
  });
}

void multiply_maps(BlockView<const float> x, BlockView<const float> factors, BlockView<float> y) {
  for_each_row(y, [&](int c, int h, float* to, int count) {
    const float *from = x.at(c, h, 0), *factor = factors.at(c, 0, 0);
    for (int i = 0; i < count; i += kLanes)
      for (int lane = 0; lane < kLanes; ++lane) to[i + lane] = from[i + lane] * factor[lane];
  });
}

void sum_products(BlockView<const float> a, BlockView<const float> b, BlockView<float> sums) {
  for (int c = 0; c < sums.c; ++c) {
    float even[kLanes] = {}, odd[kLanes] = {};
    for (int h = 0; h < a.h; ++h) {
      const float *left = a.at(c, h, 0), *right = b.at(c, h, 0);
      for (int w = 0; w < a.w; ++w, left += kLanes, right += kLanes) {
        float* const sum = w % 2 == 0 ? even : odd;
        for (int lane = 0; lane < kLanes; ++lane) sum[lane] += left[lane] * right[lane];
      }
    }
    for (int lane = 0; lane < kLanes; ++lane) sums.at(c, 0, 0)[lane] = even[lane] + odd[lane];
  }
}

void copy(BlockView<const float> x, BlockView<float> y) {
  for_each_row(y, [&](int c, int h, float* to, int count) { std::copy_n(x.at(c, h, 0), count, to); });
}

void clear_halo(BlockView<float> y, int top, int left, int bottom, int right) {
  const int width = left + y.w + right;
  for (int c = 0; c < y.c; ++c) {
    for (int h = -top; h < 0; ++h) std::fill_n(y.at(c, h, -left), width * kLanes, 0.0f);
    for (int h = 0; h < y.h; ++h) {
      std::fill_n(y.at(c, h, -left), left * kLanes, 0.0f);
      std::fill_n(y.at(c, h, y.w), right * kLanes, 0.0f);
    }
    for (int h = y.h; h < y.h + bottom; ++h) std::fill_n(y.at(c, h, -left), width * kLanes, 0.0f);
  }
}

}  // namespace cnn
