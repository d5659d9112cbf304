// The largest value of a window, one cell after the other; to be included inside a foreach_target source.
#if defined(CNN_KERNELS_POOL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CNN_KERNELS_POOL_INL_H_
#undef CNN_KERNELS_POOL_INL_H_
#else
#define CNN_KERNELS_POOL_INL_H_
#endif

#include "kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {

using Place = hn::RebindToSigned<D>;

/// The largest cell so far in each lane and its place; the first on ties, and NaN wins.
struct Largest {
  V value;
  hn::Vec<Place> place;

  HWY_INLINE Largest(V first_value, int first_place)
      : value(first_value), place(hn::Set(Place(), first_place)) {}
  HWY_INLINE void meet(V v, int at) {
    const auto wins = hn::Or(hn::Gt(v, value), hn::IsNaN(v));
    value = hn::IfThenElse(wins, v, value);
    place = hn::IfThenElse(hn::RebindMask(Place(), wins), hn::Set(Place(), at), place);
  }
  /// only_positive: -1 where the value is not above 0.
  HWY_INLINE void store_place(bool only_positive, std::int32_t* to) const {
    const auto kept = hn::RebindMask(Place(), hn::Gt(value, zero()));
    hn::Store(only_positive ? hn::IfThenElse(kept, place, hn::Set(Place(), -1)) : place, Place(), to);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace cnn
HWY_AFTER_NAMESPACE();
#endif
