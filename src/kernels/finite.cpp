#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/finite.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/finite.h"
#include "kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {
namespace {

/// 0 times a finite number is 0, 0 times any other is not a number, and stays it in every sum.
bool all_finite(const float* values, std::int64_t count) {
  constexpr int kSums = 4;  // as many additions are under way at once
  V sums[kSums] = {zero(), zero(), zero(), zero()};
  std::int64_t i = 0;
  for (; i + kSums * kWidth <= count; i += kSums * kWidth)
    CNN_UNROLL for (int k = 0; k < kSums; ++k) sums[k] =
        hn::MulAdd(hn::LoadU(D(), values + i + k * kWidth), zero(), sums[k]);
  float rest = 0;
  for (; i < count; ++i) rest += 0 * values[i];
  const V sum = hn::Add(hn::Add(sums[0], sums[1]), hn::Add(sums[2], sums[3]));
  return hn::AllTrue(D(), hn::Eq(sum, zero())) && rest == 0;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace cnn
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cnn {

HWY_EXPORT(all_finite);
bool all_finite(std::span<const float> values) {
  return HWY_DYNAMIC_DISPATCH(all_finite)(values.data(), static_cast<std::int64_t>(values.size()));
}

}  // namespace cnn
#endif
