#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/transposed_gradient.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "kernels/lanes-inl.h"
#include "kernels/transposed_gradient.h"

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {
namespace {

void sum_transposed_leaves(const TransposedGradient& layout, const float* dw, std::int64_t stride, int leaves,
                           float* gradient, int first, int last) {
  HWY_ALIGN float sums[kLanes];
  for (int o = first; o < last; ++o) {
    for (int i = 0; i < layout.inputs; i += kLanes) {
      float* out = gradient + (std::int64_t{o} * layout.inputs + i) * layout.taps;
      const int count = std::min(kLanes, layout.inputs - i);
      for (int tap = 0; tap < layout.taps; ++tap) {
        const float* from = dw + tap * layout.tap() + o * layout.output() + i;
        for (int part = 0; part < kParts; ++part) {
          const auto of_leaf = [&](int leaf) HWY_ATTR { return load(from + leaf * stride + part * kWidth); };
          store(sum_of_leaves(leaves, of_leaf), sums + part * kWidth);
        }
        for (int k = 0; k < count; ++k) out[k * layout.taps + tap] = sums[k];
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

HWY_EXPORT(sum_transposed_leaves);
void sum_transposed_leaves(const TransposedGradient& layout, const float* dw, std::int64_t stride, int leaves,
                           float* gradient, int first, int last) {
  HWY_DYNAMIC_DISPATCH(sum_transposed_leaves)(layout, dw, stride, leaves, gradient, first, last);
}

}  // namespace cnn
#endif
