#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/byte_rows.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/byte_rows.h"

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

constexpr std::int32_t kHalf = 1 << (kByteWeightBits - 1);

void split_colors(const std::uint8_t* pixels, int components, int count, std::uint8_t* const (&planes)[3]) {
  const hn::ScalableTag<std::uint8_t> d;
  const int width = static_cast<int>(hn::Lanes(d));
  auto a = hn::Zero(d), b = a, c = a, alpha = a;
  int i = 0;
  for (; i + width <= count; i += width) {
    const std::uint8_t* from = pixels + std::int64_t{i} * components;
    if (components == 3)
      hn::LoadInterleaved3(d, from, a, b, c);
    else
      hn::LoadInterleaved4(d, from, a, b, c, alpha);
    hn::StoreU(a, d, planes[0] + i);
    hn::StoreU(b, d, planes[1] + i);
    hn::StoreU(c, d, planes[2] + i);
  }
  for (; i < count; ++i)
    for (int color = 0; color < 3; ++color) planes[color][i] = pixels[std::int64_t{i} * components + color];
}

void weigh_row(const std::uint8_t* row, const RowWeights& by, std::uint8_t* out) {
  const hn::CappedTag<std::int32_t, kByteWeightGroup> d;
  const hn::Rebind<std::uint8_t, decltype(d)> bytes;
  const int width = static_cast<int>(hn::Lanes(d));
  for (int i = 0; i < by.outputs; ++i) {
    const std::uint8_t* from = row + by.first[i];
    const std::int32_t* weights = by.weights + std::int64_t{i} * by.taps;
    auto sum = hn::Zero(d);
    for (int k = 0; k < by.count[i]; k += width)
      sum = hn::Add(sum, hn::Mul(hn::PromoteTo(d, hn::LoadU(bytes, from + k)), hn::LoadU(d, weights + k)));
    const std::int32_t rounded = (hn::GetLane(hn::SumOfLanes(d, sum)) + kHalf) >> kByteWeightBits;
    out[i] = static_cast<std::uint8_t>(rounded < 0 ? 0 : rounded > 255 ? 255 : rounded);
  }
}

void weigh_rows(const std::uint8_t* rows, std::int64_t pitch, const std::int32_t* weights, int count,
                int columns, std::uint8_t* out) {
  const hn::ScalableTag<std::int32_t> d;
  const hn::Rebind<std::uint8_t, decltype(d)> bytes;
  for (int x = 0; x < columns; x += static_cast<int>(hn::Lanes(d))) {
    auto sum = hn::Set(d, kHalf);
    for (int k = 0; k < count; ++k)
      sum = hn::Add(
          sum, hn::Mul(hn::PromoteTo(d, hn::LoadU(bytes, rows + k * pitch + x)), hn::Set(d, weights[k])));
    hn::StoreU(hn::DemoteTo(bytes, hn::ShiftRight<kByteWeightBits>(sum)), bytes, out + x);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace cnn
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cnn {

HWY_EXPORT(split_colors);
void split_colors(const std::uint8_t* pixels, int components, int count, std::uint8_t* const (&planes)[3]) {
  HWY_DYNAMIC_DISPATCH(split_colors)(pixels, components, count, planes);
}

HWY_EXPORT(weigh_row);
void weigh_row(const std::uint8_t* row, const RowWeights& by, std::uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(weigh_row)(row, by, out);
}

HWY_EXPORT(weigh_rows);
void weigh_rows(const std::uint8_t* rows, std::int64_t pitch, const std::int32_t* weights, int count,
                int columns, std::uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(weigh_rows)(rows, pitch, weights, count, columns, out);
}

}  // namespace cnn
#endif
