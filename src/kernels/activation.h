#pragma once

#include "core/block.h"
#include "core/words.h"
#include "kernels/rectifier.h"

namespace cnn {

/// The non-linearities a layer may apply to its output. PyTorch's definitions; gelu is the exact one (erf).
enum class ActivationFunction {
  none,
  relu,
  relu6,
  leaky_relu,
  elu,
  gelu,
  silu,
  hard_swish,
  sigmoid,
  hard_sigmoid,
  tanh
};
template <>
inline constexpr auto kWords<ActivationFunction> =
    all_words<ActivationFunction>({{"none", ActivationFunction::none},
                                   {"relu", ActivationFunction::relu},
                                   {"relu6", ActivationFunction::relu6},
                                   {"leaky_relu", ActivationFunction::leaky_relu},
                                   {"elu", ActivationFunction::elu},
                                   {"gelu", ActivationFunction::gelu},
                                   {"silu", ActivationFunction::silu},
                                   {"hard_swish", ActivationFunction::hard_swish},
                                   {"sigmoid", ActivationFunction::sigmoid},
                                   {"hard_sigmoid", ActivationFunction::hard_sigmoid},
                                   {"tanh", ActivationFunction::tanh}});

struct Activation {
  ActivationFunction function = ActivationFunction::none;
  float negative_slope = 0.01f;  ///< leaky_relu only

  bool none() const { return function == ActivationFunction::none; }
  bool is_relu() const { return function == ActivationFunction::relu; }
  Rectifier rectifier() const {
    if (is_relu()) return Rectifier::relu;
    return function == ActivationFunction::relu6 ? Rectifier::relu6 : Rectifier::none;
  }
  /// Whether the function needs a pass of its own.
  bool is_apart() const { return !none() && rectifier() == Rectifier::none; }
  /// Whether the derivative is computed from the value before the function (z) and not from the one after
  /// (y).
  bool derivative_needs_z() const {
    return function == ActivationFunction::gelu || function == ActivationFunction::silu ||
           function == ActivationFunction::hard_swish;
  }
};

/// y = f(z). Every pixel of y is overwritten; y may be z. NaN gives NaN.
void activation_forward(const Activation& activation, BlockView<const float> z, BlockView<float> y);

/// dz = dy * f'(z). `zy` is z if derivative_needs_z(), else y = f(z): relu and leaky_relu y > 0 ? 1 : slope,
/// relu6 0 < y < 6, elu y > 0 ? 1 : y + 1, sigmoid y(1 - y), hard_sigmoid 0 < y < 1 ? 1/6 : 0, tanh 1 - y^2,
/// gelu Phi(z) + z phi(z), silu s(1 + z(1 - s)), hard_swish z/3 + 1/2 inside of -3..3, 0 below, 1 above.
/// dz may be dy.
void activation_backward(const Activation& activation, BlockView<const float> zy, BlockView<const float> dy,
                         BlockView<float> dz);

}  // namespace cnn
