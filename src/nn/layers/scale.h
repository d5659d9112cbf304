#pragma once

#include <memory>

namespace cnn {

class Layer;

/// y = factor * x, with a fixed factor.
struct ScaleSpec {
  double factor = 1;
  friend bool operator==(const ScaleSpec&, const ScaleSpec&) = default;
};

std::unique_ptr<Layer> make_layer(const ScaleSpec& spec);

}  // namespace cnn
