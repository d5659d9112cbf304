#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/batch_norm.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/batch_norm.h"
#include "kernels/lanes-inl.h"

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
/// per sum, for even and odd columns, halve the chain of dependent adds.
template <class Term>
HWY_INLINE void sum_map(int rows, int cols, const Term& term, float* a, float* b) {
  for (int part = 0; part < kParts; ++part) {
    V a0 = zero(), a1 = zero(), b0 = zero(), b1 = zero();
    for (int h = 0; h < rows; ++h) {
      int w = 0;
      for (; w + 1 < cols; w += 2) {
        term(h, w, part, a0, b0);
        term(h, w + 1, part, a1, b1);
      }
      if (w < cols) term(h, w, part, a0, b0);
    }
    store(hn::Add(a0, a1), a + part * kWidth);
    store(hn::Add(b0, b1), b + part * kWidth);
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

void normalize_forward(const ChannelAffine& a, BlockView<const float> x, BlockView<float> y) {
  for (int c = 0; c < y.c; ++c) {
    const V mean = broadcast(a.mean[c]), scale = broadcast(a.scale[c]), shift = broadcast(a.shift[c]);
    for (int h = 0; h < y.h; ++h) {
      const float* from = x.at(c, h, 0);
      float* to = y.at(c, h, 0);
      for (int i = 0; i < y.w * kLanes; i += kWidth)
        store(hn::MulAdd(hn::Sub(load(from + i), mean), scale, shift), to + i);
    }
  }
}

void normalize_sums(const float* means, BlockView<const float> x, BlockView<const float> dy, int images,
                    double* sum_dy, double* sum_dy_x) {
  HWY_ALIGN float sums[kLanes], products[kLanes];
  for (int c = 0; c < x.c; ++c) {
    const V mean = broadcast(means[c]);
    sum_map(
        x.h, x.w,
        [&](int h, int w, int part, V& sum, V& product) HWY_ATTR {
          const V d = load(dy.at(c, h, w) + part * kWidth);
          sum = hn::Add(sum, d);
          product = hn::MulAdd(d, hn::Sub(load(x.at(c, h, w) + part * kWidth), mean), product);
        },
        sums, products);
    sum_dy[c] = sum_images(sums, images);
    sum_dy_x[c] = sum_images(products, images);
  }
}

void normalize_backward(const NormalizeGradient& g, BlockView<const float> x, BlockView<const float> dy,
                        int images, BlockView<float> dx) {
  for (int part = 0; part < kParts; ++part) {
    const auto valid = valid_lanes(part, images);
    for (int c = 0; c < dx.c; ++c) {
      const V mean = broadcast(g.mean[c]), scale = broadcast(g.scale[c]);
      const V mean_dy = broadcast(g.mean_dy[c]), slope = broadcast(g.slope[c]);
      for (int h = 0; h < dx.h; ++h) {
        const float* from_x = x.at(c, h, 0) + part * kWidth;
        const float* from_dy = dy.at(c, h, 0) + part * kWidth;
        float* to = dx.at(c, h, 0) + part * kWidth;
        for (int i = 0; i < dx.w * kLanes; i += kLanes) {
          const V centered = hn::Sub(load(from_x + i), mean);
          const V rest = hn::NegMulAdd(centered, slope, hn::Sub(load(from_dy + i), mean_dy));
          store(hn::IfThenElseZero(valid, hn::Mul(scale, rest)), to + i);
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
void normalize_forward(const ChannelAffine& affine, BlockView<const float> x, BlockView<float> y) {
  HWY_DYNAMIC_DISPATCH(normalize_forward)(affine, x, y);
}

HWY_EXPORT(normalize_sums);
void normalize_sums(const float* mean, BlockView<const float> x, BlockView<const float> dy, int images,
                    double* sum_dy, double* sum_dy_x) {
  HWY_DYNAMIC_DISPATCH(normalize_sums)(mean, x, dy, images, sum_dy, sum_dy_x);
}

HWY_EXPORT(normalize_backward);
void normalize_backward(const NormalizeGradient& gradient, BlockView<const float> x,
                        BlockView<const float> dy, int images, BlockView<float> dx) {
  HWY_DYNAMIC_DISPATCH(normalize_backward)(gradient, x, dy, images, dx);
}

}  // namespace cnn
#endif
