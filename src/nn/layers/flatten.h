#pragma once

#include <memory>

#include "nn/layer.h"

namespace cnn {

/// c x h x w -> a vector of c*h*w values, in that order.
struct FlattenSpec {
  friend bool operator==(const FlattenSpec&, const FlattenSpec&) = default;
};

std::unique_ptr<Layer> make_layer(const FlattenSpec& spec);

}  // namespace cnn
