// ReLU and ReLU6 of values that are in registers; to be included inside a foreach_target source.
#if defined(CNN_KERNELS_RECTIFIER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CNN_KERNELS_RECTIFIER_INL_H_
#undef CNN_KERNELS_RECTIFIER_INL_H_
#else
#define CNN_KERNELS_RECTIFIER_INL_H_
#endif

#include "kernels/lanes-inl.h"
#include "kernels/rectifier.h"

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {

// Compare and select: a minimum or maximum would turn NaN into a number on x86.
HWY_INLINE V not_below_0(V z) { return hn::IfThenZeroElse(hn::Lt(z, zero()), z); }
HWY_INLINE V not_above(V most, V z) { return hn::IfThenElse(hn::Gt(z, most), most, z); }

template <Rectifier kRectifier>
HWY_INLINE V rectified(V z) {
  if constexpr (kRectifier == Rectifier::none) return z;
  z = not_below_0(z);
  if constexpr (kRectifier == Rectifier::relu6) z = not_above(broadcast(6.0f), z);
  return z;
}

/// Calls with the rectifier as a constant.
template <class Call>
HWY_INLINE void with_rectifier(Rectifier rectifier, const Call& call) {
  switch (rectifier) {
    case Rectifier::none:
      return call.template operator()<Rectifier::none>();
    case Rectifier::relu:
      return call.template operator()<Rectifier::relu>();
    case Rectifier::relu6:
      return call.template operator()<Rectifier::relu6>();
  }
}

/// Where a rectifier's derivative at z is 0.
template <Rectifier kRectifier>
HWY_INLINE hn::Mask<D> stopped(V z) {
  if constexpr (kRectifier == Rectifier::relu6) return hn::Or(hn::Le(z, zero()), hn::Ge(z, broadcast(6.0f)));
  return hn::Le(z, zero());
}

}  // namespace HWY_NAMESPACE
}  // namespace cnn
HWY_AFTER_NAMESPACE();
#endif
