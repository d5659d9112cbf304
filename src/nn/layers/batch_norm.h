#pragma once

#include <memory>

#include "kernels/activation.h"
#include "nn/layer.h"

namespace cnn {

/// Normalizes each channel by the mean and variance of the batch (training) or the running ones (evaluation).
struct BatchNormSpec {
  double eps = 1e-5;
  double momentum = 0.1;  ///< weight of the new batch in the running statistics
  bool affine = true;     ///< learn a scale and a shift per channel
  ActivationFunction activation = ActivationFunction::none;
  friend bool operator==(const BatchNormSpec&, const BatchNormSpec&) = default;
};

std::unique_ptr<Layer> make_layer(const BatchNormSpec& spec);

}  // namespace cnn
