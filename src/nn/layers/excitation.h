#pragma once

#include <memory>

namespace cnn {

class Layer;

/// The end of a squeeze_excite entry: y = x * shortcut, where the shortcut has one value a map.
struct ExcitationSpec {
  friend bool operator==(const ExcitationSpec&, const ExcitationSpec&) = default;
};

std::unique_ptr<Layer> make_layer(const ExcitationSpec& spec);

}  // namespace cnn
