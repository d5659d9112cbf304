#pragma once

#include <memory>

namespace cnn {

class Layer;

/// c x h x w -> a vector of c*h*w values, in that order.
struct FlattenSpec {
  friend bool operator==(const FlattenSpec&, const FlattenSpec&) = default;
};

std::unique_ptr<Layer> make_layer(const FlattenSpec& spec);

}  // namespace cnn
