#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/activation.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/activation.h"
#include "kernels/math-inl.h"
#include "kernels/rectifier-inl.h"

HWY_BEFORE_NAMESPACE();
namespace cnn {
namespace HWY_NAMESPACE {
namespace {

using Function = ActivationFunction;

/// min(max(z + 3, 0), 6) / 6.
HWY_INLINE V hard_sigmoid(V z) {
  const V clamped = rectified<Rectifier::relu6>(hn::Add(z, broadcast(3.0f)));
  return hn::Mul(clamped, broadcast(1.0f / 6));
}

/// number where low < z < high, else 0.
HWY_INLINE V between(V z, float low, float high, V number) {
  return hn::IfThenElseZero(hn::And(hn::Gt(z, broadcast(low)), hn::Lt(z, broadcast(high))), number);
}

template <Function F>
HWY_INLINE V value(V z, V slope) {
  const V one = broadcast(1.0f);
  if constexpr (F == Function::none) return z;
  if constexpr (F == Function::relu) return hn::IfThenElse(hn::Lt(z, zero()), zero(), z);
  if constexpr (F == Function::relu6) return rectified<Rectifier::relu6>(z);
  if constexpr (F == Function::leaky_relu) return hn::IfThenElse(hn::Lt(z, zero()), hn::Mul(slope, z), z);
  if constexpr (F == Function::elu) return hn::IfThenElse(hn::Lt(z, zero()), expm1(z), z);
  if constexpr (F == Function::gelu) return hn::Mul(z, normal(z).distribution);
  if constexpr (F == Function::silu) return hn::Mul(z, sigmoid(z));
  if constexpr (F == Function::hard_swish) return hn::Mul(z, hard_sigmoid(z));
  if constexpr (F == Function::sigmoid) return sigmoid(z);
  if constexpr (F == Function::hard_sigmoid) return hard_sigmoid(z);
  if constexpr (F == Function::tanh) return tanh(z);
  return one;
}

template <Function F>
HWY_INLINE V derivative(V zy, V slope) {
  const V one = broadcast(1.0f);
  if constexpr (F == Function::relu) return hn::IfThenElse(hn::Gt(zy, zero()), one, zero());
  if constexpr (F == Function::relu6) return between(zy, 0.0f, 6.0f, one);
  if constexpr (F == Function::leaky_relu) return hn::IfThenElse(hn::Gt(zy, zero()), one, slope);
  if constexpr (F == Function::elu) return hn::IfThenElse(hn::Gt(zy, zero()), one, hn::Add(zy, one));
  if constexpr (F == Function::gelu) {
    const Normal at = normal(zy);
    return hn::MulAdd(zy, at.density, at.distribution);
  }
  if constexpr (F == Function::silu) {
    const V s = sigmoid(zy);
    return hn::Mul(s, hn::MulAdd(zy, hn::Sub(one, s), one));
  }
  if constexpr (F == Function::hard_swish) {
    const V inside = hn::MulAdd(zy, broadcast(1.0f / 3), broadcast(0.5f));
    return hn::IfThenElse(hn::Ge(zy, broadcast(3.0f)), one, between(zy, -3.0f, 3.0f, inside));
  }
  if constexpr (F == Function::sigmoid) return hn::Mul(zy, hn::Sub(one, zy));
  if constexpr (F == Function::hard_sigmoid) return between(zy, 0.0f, 1.0f, broadcast(1.0f / 6));
  if constexpr (F == Function::tanh) return hn::NegMulAdd(zy, zy, one);
  return one;
}

template <Function F>
void forward(float negative_slope, BlockView<const float> z, BlockView<float> y) {
  const V slope = broadcast(negative_slope);
  for (int c = 0; c < y.c; ++c) {
    for (int h = 0; h < y.h; ++h) {
      const float* from = z.at(c, h, 0);
      float* to = y.at(c, h, 0);
      for (int i = 0; i < y.w * kLanes; i += kWidth) store(value<F>(load(from + i), slope), to + i);
    }
  }
}

template <Function F>
void backward(float negative_slope, BlockView<const float> zy, BlockView<const float> dy,
              BlockView<float> dz) {
  const V slope = broadcast(negative_slope);
  for (int c = 0; c < dz.c; ++c) {
    for (int h = 0; h < dz.h; ++h) {
      const float* at = zy.at(c, h, 0);
      const float* from = dy.at(c, h, 0);
      float* to = dz.at(c, h, 0);
      for (int i = 0; i < dz.w * kLanes; i += kWidth)
        store(hn::Mul(load(from + i), derivative<F>(load(at + i), slope)), to + i);
    }
  }
}

/// Calls body with the function as a compile-time constant.
#define CNN_FOR_FUNCTION(function, call)                 \
  switch (function) {                                    \
    case Function::none:                                 \
      return call<Function::none> CNN_ARGUMENTS;         \
    case Function::relu:                                 \
      return call<Function::relu> CNN_ARGUMENTS;         \
    case Function::relu6:                                \
      return call<Function::relu6> CNN_ARGUMENTS;        \
    case Function::leaky_relu:                           \
      return call<Function::leaky_relu> CNN_ARGUMENTS;   \
    case Function::elu:                                  \
      return call<Function::elu> CNN_ARGUMENTS;          \
    case Function::gelu:                                 \
      return call<Function::gelu> CNN_ARGUMENTS;         \
    case Function::silu:                                 \
      return call<Function::silu> CNN_ARGUMENTS;         \
    case Function::hard_swish:                           \
      return call<Function::hard_swish> CNN_ARGUMENTS;   \
    case Function::sigmoid:                              \
      return call<Function::sigmoid> CNN_ARGUMENTS;      \
    case Function::hard_sigmoid:                         \
      return call<Function::hard_sigmoid> CNN_ARGUMENTS; \
    case Function::tanh:                                 \
      return call<Function::tanh> CNN_ARGUMENTS;         \
  }

void activation_forward(const Activation& a, BlockView<const float> z, BlockView<float> y) {
#define CNN_ARGUMENTS (a.negative_slope, z, y)
  CNN_FOR_FUNCTION(a.function, forward)
#undef CNN_ARGUMENTS
}

void activation_backward(const Activation& a, BlockView<const float> zy, BlockView<const float> dy,
                         BlockView<float> dz) {
#define CNN_ARGUMENTS (a.negative_slope, zy, dy, dz)
  CNN_FOR_FUNCTION(a.function, backward)
#undef CNN_ARGUMENTS
}
#undef CNN_FOR_FUNCTION

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace cnn
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cnn {

HWY_EXPORT(activation_forward);
void activation_forward(const Activation& activation, BlockView<const float> z, BlockView<float> y) {
  HWY_DYNAMIC_DISPATCH(activation_forward)(activation, z, y);
}

HWY_EXPORT(activation_backward);
void activation_backward(const Activation& activation, BlockView<const float> zy, BlockView<const float> dy,
                         BlockView<float> dz) {
  HWY_DYNAMIC_DISPATCH(activation_backward)(activation, zy, dy, dz);
}

}  // namespace cnn
#endif
