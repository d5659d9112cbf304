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

/// Lane by lane: a = sum of term's first, b = sum of its second over the map of a channel. row(h) is what
/// term() needs of a row; a pixel is given as its pair of columns, and which of the two it is. Two
/// accumulators per sum, for even and odd columns, halve the chain of dependent adds. The parts of a pixel
/// are taken together: a map may be larger than the first-level cache.
template <class Row, class Term>
HWY_INLINE void sum_map(int rows, int cols, const Row& row, const Term& term, float* a, float* b) {
  V a_of[2][kParts], b_of[2][kParts];
  for (int part = 0; part < kParts; ++part)
    for (int odd = 0; odd < 2; ++odd) a_of[odd][part] = b_of[odd][part] = zero();
  for (int h = 0; h < rows; ++h) {
    const auto at = row(h);
    int pair = 0;
    for (; pair < cols / 2; ++pair) {
      CNN_UNROLL for (int part = 0; part < kParts; ++part) {
        term(at, pair, 0, part, a_of[0][part], b_of[0][part]);
        term(at, pair, 1, part, a_of[1][part], b_of[1][part]);
      }
    }
    if (cols % 2 != 0) {
      CNN_UNROLL for (int part = 0; part < kParts; ++part)
          term(at, pair, 0, part, a_of[0][part], b_of[0][part]);
    }
  }
  for (int part = 0; part < kParts; ++part) {
    store(hn::Add(a_of[0][part], a_of[1][part]), a + part * kWidth);
    store(hn::Add(b_of[0][part], b_of[1][part]), b + part * kWidth);
  }
}

/// Where a row's pixel lies, as sum_map() gives it.
HWY_INLINE std::int64_t in_row(int pair, int odd, int part) {
  return (std::int64_t{2} * pair + odd) * kLanes + part * kWidth;
}

void channel_moments(BlockView<const float> x, int images, Moments* moments) {
  HWY_ALIGN float sums[kLanes], squares[kLanes];
  for (int c = 0; c < x.c; ++c) {
    const double count = static_cast<double>(x.h) * x.w * images;
    const auto row = [&](int h) { return x.at(c, h, 0); };
    sum_map(
        x.h, x.w, row,
        [](const float* at, int pair, int odd, int part, V& sum, V&)
            HWY_ATTR { sum = hn::Add(sum, load(at + in_row(pair, odd, part))); },
        sums, squares);
    const float mean = static_cast<float>(sum_images(sums, images) / count);
    const V center = broadcast(mean);
    sum_map(
        x.h, x.w, row,
        [&](const float* at, int pair, int odd, int part, V& sum, V& square) HWY_ATTR {
          const V d = hn::Sub(load(at + in_row(pair, odd, part)), center);
          sum = hn::Add(sum, d);
          square = hn::MulAdd(d, d, square);
        },
        sums, squares);
    // The float mean is a little off: correct both moments by the rest.
    const double rest = sum_images(sums, images);
    moments[c] = {count, mean + rest / count, sum_images(squares, images) - rest * rest / count};
  }
}

/// Calls with the rectifier, and true or false, as constants.
template <class Call>
HWY_INLINE void with_constants(Rectifier rectifier, bool flag, const Call& call) {
  with_rectifier(rectifier, [&]<Rectifier kRectifier>() {
    flag ? call.template operator()<kRectifier, true>() : call.template operator()<kRectifier, false>();
  });
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
  with_rectifier(rectifier, [&]<Rectifier kRectifier>() { normalize_maps<kRectifier>(a, x, y); });
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

void normalize_and_pool(const ChannelAffine& a, Rectifier rectifier, BlockView<const float> x,
                        BlockView<float> y, std::int32_t* winners) {
  with_constants(rectifier, winners != nullptr, [&]<Rectifier kRectifier, bool kPlaces>() {
    normalize_and_pool_maps<kRectifier, kPlaces>(a, x, y, winners);
  });
}

/// One row of x, and what comes back to it.
template <Rectifier kRectifier, bool kPooled>
class RowGradient {
 public:
  RowGradient(const ChannelAffine& a, BlockView<const float> x, const OutputGradient& g, int c, int h)
      : mean_(broadcast(a.mean[c])),
        scale_(broadcast(a.scale[c])),
        shift_(broadcast(a.shift[c])),
        x_(x.at(c, h, 0)) {
    if constexpr (!kPooled) {
      dy_ = g.dy.at(c, h, 0);
    } else if (h / 2 < g.dy.h) {
      windows_ = g.dy.w;
      dy_ = g.dy.at(c, h / 2, 0);
      winners_ = g.winners + (std::int64_t{c} * g.dy.h + h / 2) * g.dy.w * kLanes;
      first_place_ = h * x.w;
    }
  }

  /// dz, and x - mean.
  HWY_INLINE V operator()(int pair, int odd, int part, V& centered) const {
    centered = hn::Sub(load(x_ + in_row(pair, odd, part)), mean_);
    const V dy = output_gradient(pair, odd, part);
    if constexpr (kRectifier == Rectifier::none) return dy;
    return hn::IfThenZeroElse(stopped<kRectifier>(hn::MulAdd(centered, scale_, shift_)), dy);
  }

 private:
  HWY_INLINE V output_gradient(int pair, int odd, int part) const {
    if constexpr (!kPooled) {
      return load(dy_ + in_row(pair, odd, part));
    } else {
      if (pair >= windows_) return zero();
      const std::int64_t window = pair * std::int64_t{kLanes} + part * kWidth;
      const auto won =
          hn::Eq(hn::Load(Place(), winners_ + window), hn::Set(Place(), first_place_ + 2 * pair + odd));
      return hn::IfThenElseZero(hn::RebindMask(D(), won), load(dy_ + window));
    }
  }

  V mean_, scale_, shift_;
  const float* x_;
  const float* dy_ = nullptr;
  const std::int32_t* winners_ = nullptr;
  int windows_ = 0;  ///< behind them lies the last of an odd number of columns
  int first_place_ = 0;
};

template <Rectifier kRectifier, bool kPooled>
void sums_of(const ChannelAffine& a, BlockView<const float> x, const OutputGradient& gradient, int images,
             double* sum_dy, double* sum_dy_x) {
  HWY_ALIGN float sums[kLanes], products[kLanes];
  for (int c = 0; c < x.c; ++c) {
    using Row = RowGradient<kRectifier, kPooled>;
    sum_map(
        x.h, x.w, [&](int h) HWY_ATTR { return Row(a, x, gradient, c, h); },
        [](const Row& row, int pair, int odd, int part, V& sum, V& product) HWY_ATTR {
          V centered;
          const V dz = row(pair, odd, part, centered);
          sum = hn::Add(sum, dz);
          product = hn::MulAdd(dz, centered, product);
        },
        sums, products);
    sum_dy[c] = sum_images(sums, images);
    sum_dy_x[c] = sum_images(products, images);
  }
}

void normalize_sums(const ChannelAffine& a, Rectifier rectifier, BlockView<const float> x,
                    const OutputGradient& gradient, int images, double* sum_dy, double* sum_dy_x) {
  with_constants(rectifier, gradient.winners != nullptr, [&]<Rectifier kRectifier, bool kPooled>() {
    sums_of<kRectifier, kPooled>(a, x, gradient, images, sum_dy, sum_dy_x);
  });
}

template <Rectifier kRectifier, bool kPooled>
void backward_maps(const NormalizeGradient& k, BlockView<const float> x, const OutputGradient& gradient,
                   int images, BlockView<float> dx) {
  hn::Mask<D> valid[kParts];
  for (int part = 0; part < kParts; ++part) valid[part] = valid_lanes(part, images);
  for (int c = 0; c < dx.c; ++c) {
    const V scale = broadcast(k.affine.scale[c]), mean_dy = broadcast(k.mean_dy[c]),
            slope = broadcast(k.slope[c]);
    for (int h = 0; h < dx.h; ++h) {
      const RowGradient<kRectifier, kPooled> row(k.affine, x, gradient, c, h);
      float* to = dx.at(c, h, 0);
      const auto pixel = [&](int pair, int odd) HWY_ATTR {
        CNN_UNROLL for (int part = 0; part < kParts; ++part) {
          V centered;
          const V dz = row(pair, odd, part, centered);
          const V rest = hn::NegMulAdd(centered, slope, hn::Sub(dz, mean_dy));
          store(hn::IfThenElseZero(valid[part], hn::Mul(scale, rest)), to + in_row(pair, odd, part));
        }
      };
      for (int pair = 0; pair < dx.w / 2; ++pair) pixel(pair, 0), pixel(pair, 1);
      if (dx.w % 2 != 0) pixel(dx.w / 2, 0);
    }
  }
}

void normalize_backward(const NormalizeGradient& constants, Rectifier rectifier, BlockView<const float> x,
                        const OutputGradient& gradient, int images, BlockView<float> dx) {
  with_constants(rectifier, gradient.winners != nullptr, [&]<Rectifier kRectifier, bool kPooled>() {
    backward_maps<kRectifier, kPooled>(constants, x, gradient, images, dx);
  });
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
                    const OutputGradient& gradient, int images, double* sum_dy, double* sum_dy_x) {
  HWY_DYNAMIC_DISPATCH(normalize_sums)(affine, rectifier, x, gradient, images, sum_dy, sum_dy_x);
}

HWY_EXPORT(normalize_backward);
void normalize_backward(const NormalizeGradient& constants, Rectifier rectifier, BlockView<const float> x,
                        const OutputGradient& gradient, int images, BlockView<float> dx) {
  HWY_DYNAMIC_DISPATCH(normalize_backward)(constants, rectifier, x, gradient, images, dx);
}

}  // namespace cnn
#endif
