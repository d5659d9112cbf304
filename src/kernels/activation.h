#pragma once

#include "core/block.h"
#include "core/words.h"

namespace cnn {

/// The non-linearities a layer may apply to its output. PyTorch's definitions; gelu is the exact one (erf).
enum class ActivationFunction { none, relu, leaky_relu, elu, gelu, silu, sigmoid, tanh };
template <>
inline constexpr auto kWords<ActivationFunction> =
    all_words<ActivationFunction>({{"none", ActivationFunction::none},
                                   {"relu", ActivationFunction::relu},
                                   {"leaky_relu", ActivationFunction::leaky_relu},
                                   {"elu", ActivationFunction::elu},
                                   {"gelu", ActivationFunction::gelu},
                                   {"silu", ActivationFunction::silu},
                                   {"sigmoid", ActivationFunction::sigmoid},
                                   {"tanh", ActivationFunction::tanh}});

struct Activation {
  ActivationFunction function = ActivationFunction::none;
  float negative_slope = 0.01f;  ///< leaky_relu only

  bool none() const { return function == ActivationFunction::none; }
  bool is_relu() const { return function == ActivationFunction::relu; }
  /// Whether the derivative is computed from the value before the function (z) and not from the one after
  /// (y).
  bool derivative_needs_z() const {
    return function == ActivationFunction::gelu || function == ActivationFunction::silu;
  }
};

/// y = f(z). Every pixel of y is overwritten; y may be z. NaN gives NaN.
void activation_forward(const Activation& activation, BlockView<const float> z, BlockView<float> y);

/// dz = dy * f'(z). `zy` is z if derivative_needs_z(), else y = f(z): relu and leaky_relu y > 0 ? 1 : slope,
/// elu y > 0 ? 1 : y + 1, sigmoid y(1 - y), tanh 1 - y^2, gelu Phi(z) + z phi(z), silu s(1 + z(1 - s)).
/// dz may be dy.
void activation_backward(const Activation& activation, BlockView<const float> zy, BlockView<const float> dy,
                         BlockView<float> dz);

}  // namespace cnn
