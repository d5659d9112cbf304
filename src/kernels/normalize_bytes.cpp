#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/normalize_bytes.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "kernels/lanes-inl.h"
#include "kernels/normalize_bytes.h"

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {
namespace {

/// a / b for one b.
class Quotient {
 public:
  explicit Quotient(float divisor) : divisor_(broadcast(divisor)), reciprocal_(broadcast(1 / divisor)) {}
  HWY_INLINE V of(V a) const {
    if constexpr (HWY_TARGET == HWY_SSE4)
      return hn::Div(a, divisor_);  // no fused multiply-add: no correction
    const V q = hn::Mul(a, reciprocal_);
    return hn::MulAdd(hn::NegMulAdd(q, divisor_, a), reciprocal_, q);
  }

 private:
  V divisor_, reciprocal_;
};

/// to[i][l] = rows[l][i] for 16 rows of 16 bytes. Zipping the two halves of the rows four times turns row and
/// column numbers around, a bit at a time.
HWY_INLINE void transpose_bytes(const std::uint8_t* const (&rows)[kLanes], int first, std::uint8_t* to) {
  const hn::FixedTag<std::uint8_t, kLanes> d;
  using Bytes = hn::Vec<decltype(d)>;
  Bytes v[kLanes];
  CNN_UNROLL for (int l = 0; l < kLanes; ++l) v[l] = hn::LoadU(d, rows[l] + first);
  CNN_UNROLL for (int bit = 0; bit < 4; ++bit) {
    Bytes zipped[kLanes];
    CNN_UNROLL for (int l = 0; l < kLanes / 2; ++l) {
      zipped[2 * l] = hn::InterleaveLower(d, v[l], v[l + kLanes / 2]);
      zipped[2 * l + 1] = hn::InterleaveUpper(d, v[l], v[l + kLanes / 2]);
    }
    CNN_UNROLL for (int l = 0; l < kLanes; ++l) v[l] = zipped[l];
  }
  CNN_UNROLL for (int i = 0; i < kLanes; ++i) hn::Store(v[i], d, to + i * kLanes);
}

void normalize_bytes(const std::uint8_t* const (&rows)[kLanes], int images, int count, float mean, float std,
                     float* to) {
  const std::uint8_t* lanes[kLanes];
  for (int l = 0; l < kLanes; ++l) lanes[l] = rows[l < images ? l : 0];
  const hn::Rebind<std::int32_t, D> ints;
  const hn::Rebind<std::uint8_t, D> bytes;
  const Quotient by_255(255), by_std(std);
  const V shift = broadcast(mean);
  HWY_ALIGN std::uint8_t pixels[kLanes * kLanes];
  for (int i = 0; i < count; i += kLanes) {
    const int first = std::min(i, count - kLanes);  // the last pixels of a row may be done twice
    transpose_bytes(lanes, first, pixels);
    for (int part = 0; part < kParts; ++part) {
      const auto valid = valid_lanes(part, images);
      float* out = to + std::int64_t{first} * kLanes + part * kWidth;
      CNN_UNROLL for (int pixel = 0; pixel < kLanes; ++pixel) {
        const V v =
            hn::ConvertTo(D(), hn::PromoteTo(ints, hn::Load(bytes, pixels + pixel * kLanes + part * kWidth)));
        store(hn::IfThenElseZero(valid, by_std.of(hn::Sub(by_255.of(v), shift))), out + pixel * kLanes);
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

HWY_EXPORT(normalize_bytes);
void normalize_bytes(const std::uint8_t* const (&rows)[kLanes], int images, int count, float mean, float std,
                     float* to) {
  HWY_DYNAMIC_DISPATCH(normalize_bytes)(rows, images, count, mean, std, to);
}

bool normalizes_bytes_exactly(float mean, float std) {
  constexpr int kBytes = 256;
  std::uint8_t all[kBytes];
  std::iota(all, all + kBytes, std::uint8_t{0});
  const std::uint8_t* rows[kLanes] = {all};
  alignas(64) float got[kBytes * kLanes];
  normalize_bytes(rows, 1, kBytes, mean, std, got);
  for (int v = 0; v < kBytes; ++v) {
    const float expected = (static_cast<float>(v) / 255.0f - mean) / std;
    if (std::memcmp(&got[v * kLanes], &expected, sizeof expected) != 0) return false;
  }
  return true;
}

}  // namespace cnn
#endif
