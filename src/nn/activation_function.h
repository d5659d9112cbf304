#pragma once

namespace cnn {

/// The non-linearities a layer may apply to its output. PyTorch's definitions; gelu is the exact one (erf).
enum class ActivationFunction { none, relu, leaky_relu, elu, gelu, silu, sigmoid, tanh };

}  // namespace cnn
