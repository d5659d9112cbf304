#pragma once

#include <memory>

#include "kernels/activation.h"
#include "nn/layer.h"

namespace cnn {

/// The end of a residual entry: y = activation(x + shortcut).
std::unique_ptr<Layer> make_sum(ActivationFunction activation);

}  // namespace cnn
