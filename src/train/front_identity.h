#pragma once

#include <functional>
#include <string>

#include "nn/network.h"

namespace cnn {

/// Everything that decides what the first `front` nodes of a network make of an input. front_text: see
/// FeatureStoreSpec.
std::string front_identity(const Network& network, int front,
                           const std::function<std::string(const std::string&)>& front_text);

}  // namespace cnn
