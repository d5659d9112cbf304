#pragma once

#include <memory>

#include "kernels/activation.h"
#include "nn/parameter_control.h"

namespace cnn {

class Layer;

/// Normalizes each channel by the mean and variance of the batch (training) or the running ones (evaluation).
struct BatchNormSpec {
  /// What is learned per channel after normalizing.
  enum class Affine { none, scale_and_bias, bias };
  double eps = 1e-5;
  double momentum = 0.1;  ///< weight of the new batch in the running statistics
  Affine affine = Affine::scale_and_bias;
  ActivationFunction activation = ActivationFunction::none;
  LayerControl control;
  friend bool operator==(const BatchNormSpec&, const BatchNormSpec&) = default;
};

std::unique_ptr<Layer> make_layer(const BatchNormSpec& spec);

}  // namespace cnn
