// What both directions of Winograd's algorithm share: the points of winograd.h and the transform of x. To be
// included inside a foreach_target source.
#ifndef CNN_KERNELS_WINOGRAD_POINTS
#define CNN_KERNELS_WINOGRAD_POINTS

#include <cstdint>

#include "core/block.h"
#include "kernels/pieces.h"
#include "kernels/winograd.h"

namespace cnn::winograd {

inline constexpr int kTile = kWinogradTile;
inline constexpr int kReach = kTile + 2;            ///< rows and columns of x that a tile reads
inline constexpr int kPositions = kReach * kReach;  ///< of a transformed tile

inline constexpr int kGroup = 8;  ///< outputs of one group of packed weights

/// What is read or written at all 36 positions lies this much more than a multiple of the channels apart:
/// powers of two would all fall into one set of the first-level cache.
inline constexpr std::int64_t kSkew = kLanes;

/// The points of the header, and the scales of G's rows.
inline constexpr float kA = 0.75f, kB = 1.5f;
inline constexpr float kG0 = 1 / (kA * kA * kB * kB), kGA = 1 / (2 * kA * kA * (kA * kA - kB * kB)),
                       kGB = 1 / (2 * kB * kB * (kB * kB - kA * kA));

}  // namespace cnn::winograd
#endif

#if defined(CNN_KERNELS_WINOGRAD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CNN_KERNELS_WINOGRAD_INL_H_
#undef CNN_KERNELS_WINOGRAD_INL_H_
#else
#define CNN_KERNELS_WINOGRAD_INL_H_
#endif

#include "kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {
using namespace winograd;

/// One dimension of B^T x B: pairs of rows differ by the sign of their odd part.
HWY_INLINE void input_transform(const V (&x)[kReach], V (&t)[kReach]) {
  const V a = broadcast(kA), b = broadcast(kB), a2 = broadcast(kA * kA), b2 = broadcast(kB * kB),
          a2b2 = broadcast(kA * kA * kB * kB), sum2 = broadcast(kA * kA + kB * kB);
  t[0] = hn::MulAdd(a2b2, x[0], hn::NegMulAdd(sum2, x[2], x[4]));
  const V even_a = hn::NegMulAdd(b2, x[2], x[4]), odd_a = hn::NegMulAdd(b2, x[1], x[3]);
  t[1] = hn::MulAdd(a, odd_a, even_a);
  t[2] = hn::NegMulAdd(a, odd_a, even_a);
  const V even_b = hn::NegMulAdd(a2, x[2], x[4]), odd_b = hn::NegMulAdd(a2, x[1], x[3]);
  t[3] = hn::MulAdd(b, odd_b, even_b);
  t[4] = hn::NegMulAdd(b, odd_b, even_b);
  t[5] = hn::MulAdd(a2b2, x[1], hn::NegMulAdd(sum2, x[3], x[5]));
}

/// A transform of both dimensions of a tile of vectors: `one` makes kOut numbers of kIn, along the columns
/// first, then along the rows. take(row, column) reads, put(row, column, v) writes.
template <int kIn, int kOut, class Take, class One, class Put>
HWY_INLINE void transform_tile(const Take& take, const One& one, const Put& put) {
  V half_way[kOut][kIn];
  CNN_UNROLL for (int c = 0; c < kIn; ++c) {
    V in[kIn], out[kOut];
    CNN_UNROLL for (int r = 0; r < kIn; ++r) in[r] = take(r, c);
    one(in, out);
    CNN_UNROLL for (int r = 0; r < kOut; ++r) half_way[r][c] = out[r];
  }
  CNN_UNROLL for (int r = 0; r < kOut; ++r) {
    V out[kOut];
    one(half_way[r], out);
    CNN_UNROLL for (int c = 0; c < kOut; ++c) put(r, c, out[c]);
  }
}

/// B^T x B: the tile at x to the 36 positions of v.
HWY_INLINE void transform_input(const float* x, std::int64_t row, std::int64_t col, float* v,
                                std::int64_t position) {
  transform_tile<kReach, kReach>(
      [&](int r, int c) HWY_ATTR { return load(x + r * row + c * col); },
      [](const V(&in)[kReach], V(&out)[kReach]) HWY_ATTR { input_transform(in, out); },
      [&](int r, int c, V t) HWY_ATTR { store(t, v + (r * kReach + c) * position); });
}

}  // namespace HWY_NAMESPACE
}  // namespace cnn
HWY_AFTER_NAMESPACE();
#endif
