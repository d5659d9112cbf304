#include "export/activation_value.h"

#include <algorithm>
#include <cmath>

namespace cnn {

double activation_value(const Activation& activation, double z) {
  switch (activation.function) {
    case ActivationFunction::none:
      return z;
    case ActivationFunction::relu:
      return z > 0 ? z : 0;
    case ActivationFunction::relu6:
      return std::clamp(z, 0.0, 6.0);
    case ActivationFunction::leaky_relu:
      return z > 0 ? z : double{activation.negative_slope} * z;
    case ActivationFunction::elu:
      return z > 0 ? z : std::expm1(z);
    case ActivationFunction::gelu:
      return 0.5 * z * std::erfc(-z / std::sqrt(2.0));
    case ActivationFunction::silu:
      return z / (1 + std::exp(-z));
    case ActivationFunction::hard_swish:
      return z * std::clamp(z + 3, 0.0, 6.0) / 6;
    case ActivationFunction::sigmoid:
      return 1 / (1 + std::exp(-z));
    case ActivationFunction::hard_sigmoid:
      return std::clamp(z + 3, 0.0, 6.0) / 6;
    case ActivationFunction::tanh:
      return std::tanh(z);
  }
  return z;
}

}  // namespace cnn
