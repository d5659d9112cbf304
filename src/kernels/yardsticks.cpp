#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/yardsticks.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <chrono>

#include "kernels/lanes-inl.h"
#include "kernels/yardsticks.h"

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {
namespace {

/// Chains that hide the latency (4 cycles, two units), and fit 16 registers with the two operands.
constexpr int kChains = 12;

double fma_seconds(std::int64_t multiply_adds) {
  const auto start = std::chrono::steady_clock::now();
  // Values that stay where they are, and that the compiler cannot know: x = x * 0.5 + x0 / 2.
  volatile float seed = 1.0f;
  const V half = broadcast(0.5f * seed), rest = broadcast(0.5f * seed);
  V x[kChains];
  CNN_UNROLL for (int i = 0; i < kChains; ++i) x[i] = broadcast(seed);
  for (std::int64_t done = 0; done < multiply_adds; done += 4 * kChains * kWidth) {
    for (int repeat = 0; repeat < 4; ++repeat)
      CNN_UNROLL for (int i = 0; i < kChains; ++i) x[i] = hn::MulAdd(x[i], half, rest);
  }
  V sum = x[0];
  CNN_UNROLL for (int i = 1; i < kChains; ++i) sum = hn::Add(sum, x[i]);
  seed = hn::GetLane(sum);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double copy_seconds(const float* from, std::int64_t floats, float* to) {
  const auto start = std::chrono::steady_clock::now();
  for (std::int64_t i = 0; i < floats; i += kLanes)
    CNN_UNROLL for (int part = 0; part < kLanes; part += kWidth) store(load(from + i + part), to + i + part);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace cnn
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cnn {

HWY_EXPORT(fma_seconds);
double fma_seconds(std::int64_t multiply_adds) { return HWY_DYNAMIC_DISPATCH(fma_seconds)(multiply_adds); }

HWY_EXPORT(copy_seconds);
double copy_seconds(const float* from, std::int64_t floats, float* to) {
  return HWY_DYNAMIC_DISPATCH(copy_seconds)(from, floats, to);
}

}  // namespace cnn
#endif
