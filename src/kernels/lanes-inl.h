// Vectors of lanes, for one instruction set at a time; to be included inside a foreach_target source.
// A pixel is 16 floats. It is one vector on AVX-512, two on AVX2, four on SSE4 and NEON: kernels loop over
// the parts of a pixel, and what happens to one lane is the same sequence of operations on all of them.
#if defined(CNN_KERNELS_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CNN_KERNELS_LANES_INL_H_
#undef CNN_KERNELS_LANES_INL_H_
#else
#define CNN_KERNELS_LANES_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "core/block.h"
#include "kernels/sum_tree.h"

#if defined(__clang__)
#define CNN_UNROLL _Pragma("unroll")
#else
#define CNN_UNROLL _Pragma("GCC unroll 32")
#endif

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, kLanes>;
using V = hn::Vec<D>;
/// Lanes of a vector, and vectors of a pixel.
constexpr int kWidth = static_cast<int>(sizeof(V) / sizeof(float));
constexpr int kParts = kLanes / kWidth;
/// Vector registers: how large a tile of accumulators may be.
constexpr int kRegisters = HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON ? 32 : 16;

HWY_INLINE V load(const float* p) { return hn::Load(D(), p); }
HWY_INLINE void store(V v, float* p) { hn::Store(v, D(), p); }
HWY_INLINE V broadcast(float value) { return hn::Set(D(), value); }
HWY_INLINE V zero() { return hn::Zero(D()); }

/// All ones in the lanes of this part of a pixel that hold images: lane < images.
HWY_INLINE hn::Mask<D> valid_lanes(int part, int images) {
  return hn::FirstN(D(), static_cast<size_t>(images > part * kWidth ? images - part * kWidth : 0));
}

/// Adds up the 16 lanes of four pixels: out[i] = sum of pixels[i][0..15], in one fixed tree on every
/// instruction set: lanes 8 apart, then 4, 2, 1.
HWY_INLINE void sum_lanes4(const float* p, float* out) {
  const hn::FixedTag<float, 4> d4;
  const auto quarter = [&](int i) HWY_ATTR {
    const float* q = p + i * kLanes;
    return hn::Add(hn::Add(hn::Load(d4, q), hn::Load(d4, q + 8)),
                   hn::Add(hn::Load(d4, q + 4), hn::Load(d4, q + 12)));
  };
  const auto a = quarter(0), b = quarter(1), c = quarter(2), d = quarter(3);
  const auto ab = hn::Add(hn::InterleaveLower(d4, a, b), hn::InterleaveUpper(d4, a, b));  // a02 b02 a13 b13
  const auto cd = hn::Add(hn::InterleaveLower(d4, c, d), hn::InterleaveUpper(d4, c, d));
  hn::StoreU(hn::Add(hn::ConcatLowerLower(d4, cd, ab), hn::ConcatUpperUpper(d4, cd, ab)), d4, out);
}

/// The same sum for one pixel.
HWY_INLINE float sum_lanes(const float* p) {
  float s[8];
  for (int i = 0; i < 8; ++i) s[i] = p[i] + p[i + 8];
  for (int i = 0; i < 4; ++i) s[i] = s[i] + s[i + 4];
  return (s[0] + s[2]) + (s[1] + s[3]);
}

/// to[j][i] = rows[i][j] for four rows of four; `to` and its pitch are aligned to 16 bytes.
HWY_INLINE void transpose4(const float* const (&rows)[4], float* to, std::int64_t to_pitch) {
  const hn::FixedTag<float, 4> d4;
  const auto a = hn::LoadU(d4, rows[0]), b = hn::LoadU(d4, rows[1]), c = hn::LoadU(d4, rows[2]),
             d = hn::LoadU(d4, rows[3]);
  const auto ac_low = hn::InterleaveLower(d4, a, c), bd_low = hn::InterleaveLower(d4, b, d);
  const auto ac_high = hn::InterleaveUpper(d4, a, c), bd_high = hn::InterleaveUpper(d4, b, d);
  hn::Store(hn::InterleaveLower(d4, ac_low, bd_low), d4, to);
  hn::Store(hn::InterleaveUpper(d4, ac_low, bd_low), d4, to + to_pitch);
  hn::Store(hn::InterleaveLower(d4, ac_high, bd_high), d4, to + 2 * to_pitch);
  hn::Store(hn::InterleaveUpper(d4, ac_high, bd_high), d4, to + 3 * to_pitch);
}

/// to[n][i] = from[i][n] for 16 pixels i, `pitch` floats apart, and 16 lanes n: what was one image of many
/// pixels becomes a vector of pixels. `count` of the pixels exist, the others become zero.
HWY_INLINE void transpose_lanes(const float* from, std::int64_t pitch, int count, float* to,
                                std::int64_t to_pitch) {
  alignas(64) static constexpr float kZeros[kLanes] = {};
  for (int i = 0; i < kLanes; i += 4) {
    const float* rows[4];
    for (int j = 0; j < 4; ++j) rows[j] = i + j < count ? from + (i + j) * pitch : kZeros;
    CNN_UNROLL for (int n = 0; n < kLanes; n += 4) {
      const float* at[4] = {rows[0] + n, rows[1] + n, rows[2] + n, rows[3] + n};
      transpose4(at, to + n * to_pitch + i, to_pitch);
    }
  }
}

/// The sum of value(0), ..., value(count - 1) in the order of kernels/sum_tree.h.
template <class Value>
HWY_INLINE V sum_of_leaves(int count, const Value& value) {
  switch (count) {
    case 1:
      return value(0);
    case 2:
      return hn::Add(value(0), value(1));
    case 4:
      return hn::Add(hn::Add(value(0), value(1)), hn::Add(value(2), value(3)));
  }
  V stack[kTreeDepth];
  int depth = 0;
  for (int leaf = 0; leaf < count; ++leaf) {
    V sum = value(leaf);
    for (int joins = joins_after(leaf); joins > 0; --joins) sum = hn::Add(stack[--depth], sum);
    stack[depth++] = sum;
  }
  V sum = stack[--depth];
  while (depth > 0) sum = hn::Add(stack[--depth], sum);
  return sum;
}

}  // namespace HWY_NAMESPACE
}  // namespace cnn
HWY_AFTER_NAMESPACE();
#endif
