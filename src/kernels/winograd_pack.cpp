#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/winograd_pack.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "kernels/winograd-inl.h"
#include "kernels/winograd.h"

#ifndef CNN_KERNELS_WINOGRAD_PACK_ONCE
#define CNN_KERNELS_WINOGRAD_PACK_ONCE
namespace cnn {

using namespace winograd;

namespace {

constexpr int kTaps = 9;  ///< of a kernel

}  // namespace
}  // namespace cnn
#endif

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {
namespace {

/// The kernels of one input for a group: to[t][o], zero from output `count` on.
HWY_INLINE void gather_kernels(const float* w, std::int64_t output_stride, int count, bool flip,
                               float (&to)[kTaps][kGroup]) {
  for (int o = 0; o < kGroup; ++o)
    for (int t = 0; t < kTaps; ++t)
      to[flip ? kTaps - 1 - t : t][o] = o < count ? w[o * output_stride + t] : 0.0f;
}

/// G w G^T of 8 kernels, w[t][o], to the 36 positions of u.
HWY_INLINE void transform_kernels(const float (&w)[kTaps][kGroup], float* u, std::int64_t position) {
  const hn::CappedTag<float, kGroup> d8;
  using V8 = hn::Vec<decltype(d8)>;
  const int width = static_cast<int>(hn::Lanes(d8));
  const auto number = [&](float value) HWY_ATTR { return hn::Set(d8, value); };
  const auto transform = [&](V8 w0, V8 w1, V8 w2, V8(&t)[kReach]) HWY_ATTR {
    const V8 even_a = hn::Mul(number(kGA), hn::MulAdd(number(kA * kA), w2, w0)),
             even_b = hn::Mul(number(kGB), hn::MulAdd(number(kB * kB), w2, w0));
    t[0] = hn::Mul(number(kG0), w0);
    t[1] = hn::MulAdd(number(kA * kGA), w1, even_a);
    t[2] = hn::NegMulAdd(number(kA * kGA), w1, even_a);
    t[3] = hn::MulAdd(number(kB * kGB), w1, even_b);
    t[4] = hn::NegMulAdd(number(kB * kGB), w1, even_b);
    t[5] = w2;
  };
  for (int o = 0; o < kGroup; o += width) {
    V8 columns[3][kReach];
    CNN_UNROLL for (int c = 0; c < 3; ++c) {
      transform(hn::Load(d8, w[c] + o), hn::Load(d8, w[3 + c] + o), hn::Load(d8, w[6 + c] + o), columns[c]);
    }
    CNN_UNROLL for (int r = 0; r < kReach; ++r) {
      V8 t[kReach];
      transform(columns[0][r], columns[1][r], columns[2][r], t);
      CNN_UNROLL for (int c = 0; c < kReach; ++c) hn::Store(t[c], d8, u + (r * kReach + c) * position + o);
    }
  }
}

/// Copies whole groups past the caches: what is larger than they are would be read from memory only to be
/// overwritten.
HWY_INLINE void stream(const float* from, int count, float* to) {
  const hn::CappedTag<float, kGroup> d8;
  for (int i = 0; i < count; i += static_cast<int>(hn::Lanes(d8)))
    hn::Stream(hn::Load(d8, from + i), d8, to + i);
}

/// The positions lie a power of two apart for most networks, in the same few places of the first-level cache:
/// some inputs are taken together, and then whole runs of cache lines written.
void winograd_pack(const float* w, int inputs, int outputs, std::int64_t input_stride,
                   std::int64_t output_stride, bool flip, float* packed, int group) {
  constexpr int kInputs = 16;
  constexpr std::int64_t kStreamedFloats = (2 << 20) / sizeof(float);  // more than a core's own caches hold
  HWY_ALIGN float kernels[kTaps][kGroup];
  HWY_ALIGN float together[kPositions][kInputs * kGroup];
  const int first = group * kGroup, count = std::min(kGroup, outputs - first);
  float* const to = packed + std::int64_t{first} * inputs;
  const std::int64_t position = std::int64_t{winograd_groups(outputs)} * kGroup * inputs;
  const bool streams = kPositions * position > kStreamedFloats;
  for (int i = 0; i < inputs; i += kInputs) {
    const int some = std::min(kInputs, inputs - i);
    for (int j = 0; j < some; ++j) {
      gather_kernels(w + first * output_stride + (i + j) * input_stride, output_stride, count, flip, kernels);
      transform_kernels(kernels, together[0] + j * kGroup, kInputs * kGroup);
    }
    for (int p = 0; p < kPositions; ++p) {
      float* const run = to + p * position + std::int64_t{i} * kGroup;
      if (streams)
        stream(together[p], some * kGroup, run);
      else
        std::copy_n(together[p], some * kGroup, run);
    }
  }
  if (streams) hwy::FlushStream();
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace cnn
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cnn {

std::int64_t winograd_packed_size(int inputs, int outputs) {
  return std::int64_t{winograd_groups(outputs)} * kGroup * kPositions * inputs;
}

HWY_EXPORT(winograd_pack);
void winograd_pack(const float* w, int inputs, int outputs, std::int64_t input_stride,
                   std::int64_t output_stride, bool flip, float* packed, int group) {
  HWY_DYNAMIC_DISPATCH(winograd_pack)
  (w, inputs, outputs, input_stride, output_stride, flip, packed, group);
}

}  // namespace cnn
#endif
