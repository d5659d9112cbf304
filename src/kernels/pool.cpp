#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pool.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "kernels/pool-inl.h"
#include "kernels/pool.h"

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {
namespace {

/// A window's cells inside the map, along one side.
struct Range {
  int first, last;
};
HWY_INLINE Range clip(int o, int stride, int padding, int kernel, int size) {
  const int start = o * stride - padding;
  return {std::max(start, 0), std::min(start + kernel, size)};
}

/// Whether windows of side K lie side by side inside the map, and none of them is clipped.
template <int K>
HWY_INLINE bool side_by_side(const PoolWindow& p) {
  return p.kh == K && p.kw == K && p.sh == K && p.sw == K && p.ph == 0 && p.pw == 0;
}

/// The common case without bounds that the compiler does not know. The same numbers as below.
template <int K>
void max_pool_side_by_side(BlockView<const float> x, BlockView<float> y, std::int32_t* winners,
                           bool only_positive) {
  for (int c = 0; c < y.c; ++c) {
    for (int oh = 0; oh < y.h; ++oh) {
      const float* in = x.at(c, oh * K, 0);
      float* out = y.at(c, oh, 0);
      for (int ow = 0; ow < y.w; ++ow, in += K * kLanes, out += kLanes) {
        const int first = oh * K * x.w + ow * K;
        for (int part = 0; part < kParts; ++part) {
          Largest largest(load(in + part * kWidth), first);
          CNN_UNROLL for (int i = 1; i < K * K; ++i) largest.meet(
              load(in + (i / K * x.row + i % K) * kLanes + part * kWidth), first + i / K * x.w + i % K);
          store(largest.value, out + part * kWidth);
          if (winners) largest.store_place(only_positive, winners + part * kWidth);
        }
        if (winners) winners += kLanes;
      }
    }
  }
}

void max_pool_forward(const PoolWindow& p, BlockView<const float> x, BlockView<float> y,
                      std::int32_t* winners, bool only_positive) {
  if (side_by_side<2>(p)) return max_pool_side_by_side<2>(x, y, winners, only_positive);
  if (side_by_side<3>(p)) return max_pool_side_by_side<3>(x, y, winners, only_positive);
  for (int c = 0; c < y.c; ++c) {
    for (int oh = 0; oh < y.h; ++oh) {
      const Range rows = clip(oh, p.sh, p.ph, p.kh, x.h);
      for (int ow = 0; ow < y.w; ++ow) {
        const Range cols = clip(ow, p.sw, p.pw, p.kw, x.w);
        for (int part = 0; part < kParts; ++part) {
          Largest largest(load(x.at(c, rows.first, cols.first) + part * kWidth),
                          rows.first * x.w + cols.first);
          for (int h = rows.first; h < rows.last; ++h) {
            const float* row = x.at(c, h, 0) + part * kWidth;
            for (int w = cols.first; w < cols.last; ++w) largest.meet(load(row + w * kLanes), h * x.w + w);
          }
          store(largest.value, y.at(c, oh, ow) + part * kWidth);
          if (winners) largest.store_place(only_positive, winners + part * kWidth);
        }
        if (winners) winners += kLanes;
      }
    }
  }
}

HWY_INLINE void clear(BlockView<float> x) {
  for (int c = 0; c < x.c; ++c)
    for (int h = 0; h < x.h; ++h) std::fill_n(x.at(c, h, 0), x.w * kLanes, 0.0f);
}

/// Every pixel of dx belongs to one window, or to none beyond the last: written once, never read.
template <int K>
void max_pool_side_by_side_backward(const std::int32_t* winners, BlockView<const float> dy,
                                    BlockView<float> dx) {
  for (int c = 0; c < dy.c; ++c) {
    for (int oh = 0; oh < dy.h; ++oh) {
      const float* in = dy.at(c, oh, 0);
      float* out = dx.at(c, oh * K, 0);
      for (int ow = 0; ow < dy.w; ++ow, in += kLanes, out += K * kLanes, winners += kLanes) {
        const int first = oh * K * dx.w + ow * K;
        for (int part = 0; part < kParts; ++part) {
          const V g = load(in + part * kWidth);
          const auto winner = hn::Load(Place(), winners + part * kWidth);
          CNN_UNROLL for (int i = 0; i < K * K; ++i) {
            const auto won =
                hn::RebindMask(D(), hn::Eq(winner, hn::Set(Place(), first + i / K * dx.w + i % K)));
            store(hn::IfThenElseZero(won, g), out + (i / K * dx.row + i % K) * kLanes + part * kWidth);
          }
        }
      }
      for (int i = 0; i < K; ++i)
        std::fill_n(dx.at(c, oh * K + i, dy.w * K), (dx.w - dy.w * K) * kLanes, 0.0f);
    }
    for (int h = dy.h * K; h < dx.h; ++h) std::fill_n(dx.at(c, h, 0), dx.w * kLanes, 0.0f);
  }
}

void max_pool_backward(const PoolWindow& p, const std::int32_t* winners, BlockView<const float> dy,
                       BlockView<float> dx) {
  if (side_by_side<2>(p)) return max_pool_side_by_side_backward<2>(winners, dy, dx);
  if (side_by_side<3>(p)) return max_pool_side_by_side_backward<3>(winners, dy, dx);
  clear(dx);
  for (int c = 0; c < dy.c; ++c) {
    for (int oh = 0; oh < dy.h; ++oh) {
      const Range rows = clip(oh, p.sh, p.ph, p.kh, dx.h);
      for (int ow = 0; ow < dy.w; ++ow, winners += kLanes) {
        const Range cols = clip(ow, p.sw, p.pw, p.kw, dx.w);
        for (int part = 0; part < kParts; ++part) {
          const V g = load(dy.at(c, oh, ow) + part * kWidth);
          const auto winner = hn::Load(Place(), winners + part * kWidth);
          for (int h = rows.first; h < rows.last; ++h) {
            float* row = dx.at(c, h, 0) + part * kWidth;
            for (int w = cols.first; w < cols.last; ++w) {
              const auto won = hn::RebindMask(D(), hn::Eq(winner, hn::Set(Place(), h * dx.w + w)));
              store(hn::Add(load(row + w * kLanes), hn::IfThenElseZero(won, g)), row + w * kLanes);
            }
          }
        }
      }
    }
  }
}

/// 1 / (cells that count), PyTorch's rule: with padding counted, a window may still not stick out beyond it.
HWY_INLINE float share(const PoolWindow& p, bool count_include_pad, int oh, int ow, int height, int width,
                       Range rows, Range cols) {
  int cells = (rows.last - rows.first) * (cols.last - cols.first);
  if (count_include_pad) {
    const int h = std::min(oh * p.sh - p.ph + p.kh, height + p.ph) - (oh * p.sh - p.ph);
    const int w = std::min(ow * p.sw - p.pw + p.kw, width + p.pw) - (ow * p.sw - p.pw);
    cells = h * w;
  }
  return 1.0f / static_cast<float>(cells);
}

void avg_pool_forward(const PoolWindow& p, bool count_include_pad, BlockView<const float> x,
                      BlockView<float> y) {
  for (int c = 0; c < y.c; ++c) {
    for (int oh = 0; oh < y.h; ++oh) {
      const Range rows = clip(oh, p.sh, p.ph, p.kh, x.h);
      for (int ow = 0; ow < y.w; ++ow) {
        const Range cols = clip(ow, p.sw, p.pw, p.kw, x.w);
        const V factor = broadcast(share(p, count_include_pad, oh, ow, x.h, x.w, rows, cols));
        for (int part = 0; part < kParts; ++part) {
          V sum = zero();
          for (int h = rows.first; h < rows.last; ++h) {
            const float* row = x.at(c, h, 0) + part * kWidth;
            for (int w = cols.first; w < cols.last; ++w) sum = hn::Add(sum, load(row + w * kLanes));
          }
          store(hn::Mul(sum, factor), y.at(c, oh, ow) + part * kWidth);
        }
      }
    }
  }
}

void avg_pool_backward(const PoolWindow& p, bool count_include_pad, BlockView<const float> dy,
                       BlockView<float> dx) {
  clear(dx);
  for (int c = 0; c < dy.c; ++c) {
    for (int oh = 0; oh < dy.h; ++oh) {
      const Range rows = clip(oh, p.sh, p.ph, p.kh, dx.h);
      for (int ow = 0; ow < dy.w; ++ow) {
        const Range cols = clip(ow, p.sw, p.pw, p.kw, dx.w);
        const V factor = broadcast(share(p, count_include_pad, oh, ow, dx.h, dx.w, rows, cols));
        for (int part = 0; part < kParts; ++part) {
          const V g = hn::Mul(load(dy.at(c, oh, ow) + part * kWidth), factor);
          for (int h = rows.first; h < rows.last; ++h) {
            float* row = dx.at(c, h, 0) + part * kWidth;
            for (int w = cols.first; w < cols.last; ++w)
              store(hn::Add(load(row + w * kLanes), g), row + w * kLanes);
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace cnn
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cnn {

HWY_EXPORT(max_pool_forward);
void max_pool_forward(const PoolWindow& window, BlockView<const float> x, BlockView<float> y,
                      std::int32_t* winners, bool only_positive) {
  HWY_DYNAMIC_DISPATCH(max_pool_forward)(window, x, y, winners, only_positive);
}

HWY_EXPORT(max_pool_backward);
void max_pool_backward(const PoolWindow& window, const std::int32_t* winners, BlockView<const float> dy,
                       BlockView<float> dx) {
  HWY_DYNAMIC_DISPATCH(max_pool_backward)(window, winners, dy, dx);
}

HWY_EXPORT(avg_pool_forward);
void avg_pool_forward(const PoolWindow& window, bool count_include_pad, BlockView<const float> x,
                      BlockView<float> y) {
  HWY_DYNAMIC_DISPATCH(avg_pool_forward)(window, count_include_pad, x, y);
}

HWY_EXPORT(avg_pool_backward);
void avg_pool_backward(const PoolWindow& window, bool count_include_pad, BlockView<const float> dy,
                       BlockView<float> dx) {
  HWY_DYNAMIC_DISPATCH(avg_pool_backward)(window, count_include_pad, dy, dx);
}

}  // namespace cnn
#endif
