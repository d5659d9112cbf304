// The layout of weights that weighted_sum() reads.
#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pack_weights.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "kernels/lanes-inl.h"
#include "kernels/weighted_sum.h"

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {
namespace {

void pack_weights(const float* w, int outputs, std::int64_t output_stride,
                  std::span<const std::int32_t> term_index, float* packed, int first_group, int last_group) {
  const std::size_t terms = term_index.size();
  for (int group = first_group; group < last_group; ++group) {
    const int count = std::min(kOutputGroup, outputs - group * kOutputGroup);
    const float* source = w + group * kOutputGroup * output_stride;
    float* target = packed + group * static_cast<std::int64_t>(terms) * kOutputGroup;
    for (std::size_t k = 0; k < terms;) {
      const std::int32_t first = term_index[k];
      if (count == kOutputGroup && k + 4 <= terms && term_index[k + 1] == first + 1 &&
          term_index[k + 2] == first + 2 && term_index[k + 3] == first + 3) {  // rows become columns
        for (int o = 0; o < kOutputGroup; o += 4) {
          const float* row = source + o * output_stride + first;
          const float* rows[4] = {row, row + output_stride, row + 2 * output_stride, row + 3 * output_stride};
          transpose4(rows, target + o, kOutputGroup);
        }
        k += 4;
        target += 4 * kOutputGroup;
        continue;
      }
      for (int o = 0; o < kOutputGroup; ++o) target[o] = o < count ? source[o * output_stride + first] : 0.0f;
      ++k;
      target += kOutputGroup;
    }
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace cnn
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cnn {

std::vector<std::int32_t> offsets_of_packed_outputs(int outputs, int terms) {
  std::vector<std::int32_t> offsets;
  for (int o = 0; o < outputs; ++o)
    offsets.push_back((o / kOutputGroup * terms * kOutputGroup) + o % kOutputGroup);
  return offsets;
}

HWY_EXPORT(pack_weights);
void pack_weights(const float* w, int outputs, std::int64_t output_stride,
                  std::span<const std::int32_t> term_index, float* packed, int first_group, int last_group) {
  HWY_DYNAMIC_DISPATCH(pack_weights)
  (w, outputs, output_stride, term_index, packed, first_group, last_group);
}

}  // namespace cnn
#endif
