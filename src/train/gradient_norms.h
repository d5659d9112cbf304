#pragma once

#include <span>
#include <vector>

#include "nn/network.h"

namespace cnn {

/// The Euclidean norm of the gradient of each layer's parameters, in the order of network.layers(): the
/// square root of the sum of their squares. NaN for a layer without parameters. gradients: as the runner
/// leaves them.
std::vector<double> gradient_norms(Network& network, std::span<const float> gradients);

}  // namespace cnn
