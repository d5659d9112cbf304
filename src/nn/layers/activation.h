#pragma once

#include <memory>

#include "kernels/activation.h"

namespace cnn {

class Layer;

/// A non-linearity as an entry of its own.
struct ActivationSpec {
  ActivationFunction function = ActivationFunction::relu;
  double negative_slope = 0.01;  ///< leaky_relu only
  friend bool operator==(const ActivationSpec&, const ActivationSpec&) = default;
};

std::unique_ptr<Layer> make_layer(const ActivationSpec& spec);

}  // namespace cnn
