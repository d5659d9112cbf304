#pragma once

#include <memory>

namespace cnn {

class Layer;

/// In training, sets each value to 0 with probability p and multiplies the others by 1/(1-p).
struct DropoutSpec {
  double p = 0.5;
  friend bool operator==(const DropoutSpec&, const DropoutSpec&) = default;
};

std::unique_ptr<Layer> make_layer(const DropoutSpec& spec);

}  // namespace cnn
