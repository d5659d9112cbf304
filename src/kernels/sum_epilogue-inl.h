// What a SumEpilogue makes of sums that are in registers; to be included inside a foreach_target source.
#if defined(CNN_KERNELS_SUM_EPILOGUE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CNN_KERNELS_SUM_EPILOGUE_INL_H_
#undef CNN_KERNELS_SUM_EPILOGUE_INL_H_
#else
#define CNN_KERNELS_SUM_EPILOGUE_INL_H_
#endif

#include "kernels/rectifier-inl.h"
#include "kernels/sum_epilogue.h"

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {

/// What the epilogue makes of the sums of O outputs, bias included, up to the rectifier.
template <int O, int P>
HWY_INLINE void finish(const SumEpilogue& epilogue, V (&acc)[O][P]) {
  if (epilogue.affine.given()) {
    CNN_UNROLL for (int o = 0; o < O; ++o) {
      const V mean = broadcast(epilogue.affine.mean[o]), scale = broadcast(epilogue.affine.scale[o]),
              shift = broadcast(epilogue.affine.shift[o]);
      CNN_UNROLL for (int p = 0; p < P; ++p) acc[o][p] = hn::MulAdd(hn::Sub(acc[o][p], mean), scale, shift);
    }
  }
  if (epilogue.rectifier == Rectifier::relu) {
    CNN_UNROLL for (auto& row : acc) CNN_UNROLL for (V& z : row) z = rectified<Rectifier::relu>(z);
  }
  if (epilogue.rectifier == Rectifier::relu6) {
    CNN_UNROLL for (auto& row : acc) CNN_UNROLL for (V& z : row) z = rectified<Rectifier::relu6>(z);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace cnn
HWY_AFTER_NAMESPACE();
#endif
