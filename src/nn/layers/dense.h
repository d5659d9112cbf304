#pragma once

#include <memory>

#include "kernels/activation.h"
#include "nn/initialization.h"
#include "nn/parameter_control.h"

namespace cnn {

class Layer;

/// Every output reads every input (PyTorch's Linear).
struct DenseSpec {
  int units = 0;
  bool bias = true;
  ActivationFunction activation = ActivationFunction::none;
  WeightInit weight_init = WeightInit::kaiming_uniform;
  BiasInit bias_init = BiasInit::uniform;
  LayerControl control;
  friend bool operator==(const DenseSpec&, const DenseSpec&) = default;
};

std::unique_ptr<Layer> make_layer(const DenseSpec& spec);

}  // namespace cnn
