#pragma once

#include <memory>

#include "kernels/activation.h"

namespace cnn {

class Layer;

/// The end of a residual entry: y = activation(x + shortcut).
struct SumSpec {
  ActivationFunction activation = ActivationFunction::none;
  friend bool operator==(const SumSpec&, const SumSpec&) = default;
};

std::unique_ptr<Layer> make_layer(const SumSpec& spec);

}  // namespace cnn
