// How sums of outer products are cut into register tiles, for gradients whose sum runs over images; to be
// included inside a foreach_target source.
#if defined(CNN_KERNELS_OUTER_PRODUCT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CNN_KERNELS_OUTER_PRODUCT_INL_H_
#undef CNN_KERNELS_OUTER_PRODUCT_INL_H_
#else
#define CNN_KERNELS_OUTER_PRODUCT_INL_H_
#endif

#include <cstdint>
#include <type_traits>

#include "kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {

/// Register tiles: 8 outputs x 3 vectors in 32 registers, 6 x 2 in 16.
constexpr int kProductOutputs = kRegisters == 32 ? 8 : 6;
constexpr int kProductVectors = kRegisters == 32 ? 3 : 2;

/// Cuts `outputs` (at most 16) into tiles and calls tile(first, count), count a constant.
template <class Tile>
HWY_INLINE void for_output_tiles(int outputs, const Tile& tile) {
  int first = 0;
  const auto take = [&]<int O>(std::integral_constant<int, O> count) HWY_ATTR {
    tile(first, count);
    first += O, outputs -= O;
  };
  // 16 are 6 + 5 + 5 rather than 6 + 6 + 4.
  if constexpr (kProductOutputs == 6) {
    while (outputs >= 5) {
      if (outputs == 16 || outputs == 12 || outputs == 6) {
        take(std::integral_constant<int, 6>());
      } else {
        take(std::integral_constant<int, 5>());
      }
    }
  }
  while (outputs >= kProductOutputs) take(std::integral_constant<int, kProductOutputs>());
  while (outputs >= 4) take(std::integral_constant<int, 4>());
  while (outputs >= 2) take(std::integral_constant<int, 2>());
  if (outputs == 1) take(std::integral_constant<int, 1>());
}

/// Cuts `vectors` into the columns of tiles and calls columns(first, count), count a constant.
template <class Columns>
HWY_INLINE void for_vector_tiles(int vectors, const Columns& columns) {
  int i = 0;
  const auto take = [&]<int C>(std::integral_constant<int, C> count) HWY_ATTR {
    columns(i, count);
    i += C;
  };
  while (i < vectors) {
    // Four vectors left are two and two.
    if (vectors - i >= kProductVectors && vectors - i != 4) {
      take(std::integral_constant<int, kProductVectors>());
    } else if (vectors - i >= 2) {
      take(std::integral_constant<int, 2>());
    } else {
      take(std::integral_constant<int, 1>());
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace cnn
HWY_AFTER_NAMESPACE();
#endif
