#pragma once

#include <optional>

#include "nn/network.h"
#include "report/filters.h"

namespace cnn {

/// The weights of the first layer with weights, if it reads the image itself: a convolution, or a dense layer
/// behind nothing but a flatten. They point into the network.
std::optional<Filters> first_filters(const Network& network);

}  // namespace cnn
