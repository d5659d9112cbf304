#pragma once

#include <string>

#include "inspect/input_images.h"
#include "inspect/inspected.h"

namespace cnn {

/// A network and example images as the JSON that a page computes with (src/page/network.js): the layers in
/// the order of computation, each with its settings, shapes and costs, and all weights as base64 of
/// little-endian float32. No `<` is in it, so that it can stand in a <script> element.
std::string network_data(const Inspected& inspected, Network& network, const InputImages& examples);

}  // namespace cnn
