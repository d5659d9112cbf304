#pragma once

#include <cstdint>
#include <string>

#include "data/dataset.h"

namespace cnn {

/// An image as the network's input, before normalization, as an address for <img>; large ones made smaller.
std::string picture_address(const Dataset& dataset, std::int64_t image);

}  // namespace cnn
