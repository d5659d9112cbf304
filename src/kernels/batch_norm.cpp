#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/batch_norm.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/batch_norm.h"
#include "kernels/pool-inl.h"
#include "kernels/rectifier-inl.h"

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {
namespace {

/// Sums of the lanes that hold images, in order, in double.
double sum_images(const float* lanes, int images) {
  double sum = 0;
  for (int lane = 0; lane < images; ++lane) sum += lanes[lane];
  return sum;
}

/// Lane by lane: a = sum of f(x).first, b = sum of f(x).second over the map of a channel. Two accumulators
/// per sum, for even and odd columns, halve the chain of dependent adds. The parts of a pixel are taken
/// together: a map may be larger than the first-level cache.
template <class Term>
HWY_INLINE void sum_map(int rows, int cols, const Term& term, float* a, float* b) {
  V a_of[2][kParts], b_of[2][kParts];
  for (int part = 0; part < kParts; ++part)
    for (int odd = 0; odd < 2; ++odd) a_of[odd][part] = b_of[odd][part] = zero();
  for (int h = 0; h < rows; ++h) {
    int w = 0;
    for (; w + 1 < cols; w += 2) {
      CNN_UNROLL for (int part = 0; part < kParts; ++part) {
        term(h, w, part, a_of[0][part], b_of[0][part]);
        term(h, w + 1, part, a_of[1][part], b_of[1][part]);
      }
    }
    if (w < cols) {
      CNN_UNROLL for (int part = 0; part < kParts; ++part) term(h, w, part, a_of[0][part], b_of[0][part]);
    }
  }
  for (int part = 0; part < kParts; ++part) {
    store(hn::Add(a_of[0][part], a_of[1][part]), a + part * kWidth);
    store(hn::Add(b_of[0][part], b_of[1][part]), b + part * kWidth);
  }
}

void channel_moments(BlockView<const float> x, int images, Moments* moments) {
  HWY_ALIGN float sums[kLanes], squares[kLanes];
  for (int c = 0; c < x.c; ++c) {
    const double count = static_cast<double>(x.h) * x.w * images;
    sum_map(
        x.h, x.w,
        [&](int h, int w, int part, V& sum, V&)
            HWY_ATTR { sum = hn::Add(sum, load(x.at(c, h, w) + part * kWidth)); },
        sums, squares);
    const float mean = static_cast<float>(sum_images(sums, images) / count);
    const V center = broadcast(mean);
    sum_map(
        x.h, x.w,
        [&](int h, int w, int part, V& sum, V& square) HWY_ATTR {
          const V d = hn::Sub(load(x.at(c, h, w) + part * kWidth), center);
          sum = hn::Add(sum, d);
          square = hn::MulAdd(d, d, square);
        },
        sums, squares);
    // The float mean is a little off: correct both moments by the rest.
    const double rest = sum_images(sums, images);
    moments[c] = {count, mean + rest / count, sum_images(squares, images) - rest * rest / count};
  }
}

template <Rectifier kRectifier>
HWY_INLINE void normalize_map(V mean, V scale, V shift, BlockView<const float> x, BlockView<float> y, int c) {
  for (int h = 0; h < y.h; ++h) {
    const float* from = x.at(c, h, 0);
    float* to = y.at(c, h, 0);
    for (int i = 0; i < y.w * kLanes; i += kWidth) {
      const V z = hn::MulAdd(hn::Sub(load(from + i), mean), scale, shift);
      store(rectified<kRectifier>(z), to + i);
    }
  }
}

template <Rectifier kRectifier>
void normalize_maps(const ChannelAffine& a, BlockView<const float> x, BlockView<float> y) {
  for (int c = 0; c < y.c; ++c)
    normalize_map<kRectifier>(broadcast(a.mean[c]), broadcast(a.scale[c]), broadcast(a.shift[c]), x, y, c);
}

void normalize_forward(const ChannelAffine& a, Rectifier rectifier, BlockView<const float> x,
                       BlockView<float> y) {
  switch (rectifier) {
    case Rectifier::none:
      return normalize_maps<Rectifier::none>(a, x, y);
    case Rectifier::relu:
      return normalize_maps<Rectifier::relu>(a, x, y);
    case Rectifier::relu6:
      return normalize_maps<Rectifier::relu6>(a, x, y);
  }
}

/// Without places, the largest values alone.
template <Rectifier kRectifier, bool kPlaces>
HWY_INLINE void normalize_and_pool_map(V mean, V scale, V shift, BlockView<const float> x, BlockView<float> y,
                                       int c, std::int32_t* winners) {
  const auto value = [&](const float* at) HWY_ATTR {
    return rectified<kRectifier>(hn::MulAdd(hn::Sub(load(at), mean), scale, shift));
  };
  for (int h = 0; h < y.h; ++h) {
    const float *upper = x.at(c, 2 * h, 0), *lower = x.at(c, 2 * h + 1, 0);
    float* to = y.at(c, h, 0);
    for (int w = 0; w < y.w; ++w, upper += 2 * kLanes, lower += 2 * kLanes, to += kLanes) {
      const int place = 2 * h * x.w + 2 * w;
      CNN_UNROLL for (int part = 0; part < kParts; ++part) {
        const int lane = part * kWidth;
        Largest largest(value(upper + lane), place);
        largest.meet(value(upper + kLanes + lane), place + 1);
        largest.meet(value(lower + lane), place + x.w);
        largest.meet(value(lower + kLanes + lane), place + x.w + 1);
        store(largest.value, to + lane);
        if constexpr (kPlaces) largest.store_place(kRectifier != Rectifier::none, winners + lane);
      }
      if constexpr (kPlaces) winners += kLanes;
    }
  }
}

template <Rectifier kRectifier, bool kPlaces>
HWY_INLINE void normalize_and_pool_maps(const ChannelAffine& a, BlockView<const float> x, BlockView<float> y,
                                        std::int32_t* winners) {
  const std::int64_t of_channel = kPlaces ? std::int64_t{y.h} * y.w * kLanes : 0;
  for (int c = 0; c < y.c; ++c, winners += of_channel)
    normalize_and_pool_map<kRectifier, kPlaces>(broadcast(a.mean[c]), broadcast(a.scale[c]),
                                                broadcast(a.shift[c]), x, y, c, winners);
}

template <Rectifier kRectifier>
void normalize_and_pool_places(const ChannelAffine& a, BlockView<const float> x, BlockView<float> y,
                               std::int32_t* winners) {
  winners ? normalize_and_pool_maps<kRectifier, true>(a, x, y, winners)
          : normalize_and_pool_maps<kRectifier, false>(a, x, y, winners);
}

void normalize_and_pool(const ChannelAffine& a, Rectifier rectifier, BlockView<const float> x,
                        BlockView<float> y, std::int32_t* winners) {
  switch (rectifier) {
    case Rectifier::none:
      return normalize_and_pool_places<Rectifier::none>(a, x, y, winners);
    case Rectifier::relu:
      return normalize_and_pool_places<Rectifier::relu>(a, x, y, winners);
    case Rectifier::relu6:
      return normalize_and_pool_places<Rectifier::relu6>(a, x, y, winners);
  }
}

template <Rectifier kRectifier>
void rectified_sums(const ChannelAffine& a, BlockView<const float> x, BlockView<float> dy, int images,
                    double* sum_dy, double* sum_dy_x) {
  HWY_ALIGN float sums[kLanes], products[kLanes];
  for (int c = 0; c < x.c; ++c) {
    const V mean = broadcast(a.mean[c]), scale = broadcast(a.scale[c]), shift = broadcast(a.shift[c]);
    sum_map(
        x.h, x.w,
        [&](int h, int w, int part, V& sum, V& product) HWY_ATTR {
          float* place = dy.at(c, h, w) + part * kWidth;
          const V centered = hn::Sub(load(x.at(c, h, w) + part * kWidth), mean);
          V d = load(place);
          if constexpr (kRectifier != Rectifier::none) {
            d = hn::IfThenZeroElse(stopped<kRectifier>(hn::MulAdd(centered, scale, shift)), d);
            store(d, place);
          }
          sum = hn::Add(sum, d);
          product = hn::MulAdd(d, centered, product);
        },
        sums, products);
    sum_dy[c] = sum_images(sums, images);
    sum_dy_x[c] = sum_images(products, images);
  }
}

void normalize_sums(const ChannelAffine& a, Rectifier rectifier, BlockView<const float> x,
                    BlockView<float> dy, int images, double* sum_dy, double* sum_dy_x) {
  switch (rectifier) {
    case Rectifier::none:
      return rectified_sums<Rectifier::none>(a, x, dy, images, sum_dy, sum_dy_x);
    case Rectifier::relu:
      return rectified_sums<Rectifier::relu>(a, x, dy, images, sum_dy, sum_dy_x);
    case Rectifier::relu6:
      return rectified_sums<Rectifier::relu6>(a, x, dy, images, sum_dy, sum_dy_x);
  }
}

void normalize_backward(const NormalizeGradient& g, BlockView<const float> x, BlockView<const float> dy,
                        int images, BlockView<float> dx) {
  hn::Mask<D> valid[kParts];
  for (int part = 0; part < kParts; ++part) valid[part] = valid_lanes(part, images);
  for (int c = 0; c < dx.c; ++c) {
    const V mean = broadcast(g.mean[c]), scale = broadcast(g.scale[c]);
    const V mean_dy = broadcast(g.mean_dy[c]), slope = broadcast(g.slope[c]);
    for (int h = 0; h < dx.h; ++h) {
      const float* from_x = x.at(c, h, 0);
      const float* from_dy = dy.at(c, h, 0);
      float* to = dx.at(c, h, 0);
      for (int i = 0; i < dx.w * kLanes; i += kLanes) {
        CNN_UNROLL for (int part = 0; part < kParts; ++part) {
          const int at = i + part * kWidth;
          const V centered = hn::Sub(load(from_x + at), mean);
          const V rest = hn::NegMulAdd(centered, slope, hn::Sub(load(from_dy + at), mean_dy));
          store(hn::IfThenElseZero(valid[part], hn::Mul(scale, rest)), to + at);
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

HWY_EXPORT(channel_moments);
void channel_moments(BlockView<const float> x, int images, Moments* moments) {
  HWY_DYNAMIC_DISPATCH(channel_moments)(x, images, moments);
}

HWY_EXPORT(normalize_forward);
void normalize_forward(const ChannelAffine& affine, Rectifier rectifier, BlockView<const float> x,
                       BlockView<float> y) {
  HWY_DYNAMIC_DISPATCH(normalize_forward)(affine, rectifier, x, y);
}

HWY_EXPORT(normalize_and_pool);
void normalize_and_pool(const ChannelAffine& affine, Rectifier rectifier, BlockView<const float> x,
                        BlockView<float> y, std::int32_t* winners) {
  HWY_DYNAMIC_DISPATCH(normalize_and_pool)(affine, rectifier, x, y, winners);
}

HWY_EXPORT(normalize_sums);
void normalize_sums(const ChannelAffine& affine, Rectifier rectifier, BlockView<const float> x,
                    BlockView<float> dy, int images, double* sum_dy, double* sum_dy_x) {
  HWY_DYNAMIC_DISPATCH(normalize_sums)(affine, rectifier, x, dy, images, sum_dy, sum_dy_x);
}

HWY_EXPORT(normalize_backward);
void normalize_backward(const NormalizeGradient& gradient, BlockView<const float> x,
                        BlockView<const float> dy, int images, BlockView<float> dx) {
  HWY_DYNAMIC_DISPATCH(normalize_backward)(gradient, x, dy, images, dx);
}

}  // namespace cnn
#endif
