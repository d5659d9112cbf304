#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "data/dataset.h"
#include "nn/network.h"
#include "report/filters.h"

namespace cnn {

/// An image as the network's input, before normalization, as an address for <img>; large ones made smaller.
std::string picture_address(const Dataset& dataset, std::int64_t image);

/// The weights of the first layer with weights, if it reads the image itself: a convolution, or a dense layer
/// behind nothing but a flatten. They point into the network.
std::optional<Filters> first_filters(const Network& network);

}  // namespace cnn
