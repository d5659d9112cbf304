#pragma once

#include <string>
#include <variant>
#include <vector>

#include "core/words.h"
#include "nn/layers/activation.h"
#include "nn/layers/batch_norm.h"
#include "nn/layers/conv.h"
#include "nn/layers/dense.h"
#include "nn/layers/dropout.h"
#include "nn/layers/flatten.h"
#include "nn/layers/pool.h"
#include "nn/layers/scale.h"

namespace cnn {

/// Every layer that an entry can be. A new layer is added here; who visits it and has no case for it does not
/// compile.
template <class... More>
using AnyLayerSpec = std::variant<ConvSpec, MaxPoolSpec, AvgPoolSpec, GlobalAvgPoolSpec, FlattenSpec,
                                  DenseSpec, BatchNormSpec, DropoutSpec, ActivationSpec, ScaleSpec, More...>;

struct LayerSpec;

/// y = activation(layers(x) + shortcut(x)).
struct ResidualSpec {
  enum class Shortcut {
    identity,
    projection,  ///< 1x1 conv without bias, then batch_norm; its stride makes the sizes match
  };
  std::vector<LayerSpec> layers;
  Shortcut shortcut = Shortcut::identity;
  ActivationFunction activation = ActivationFunction::none;
  LayerControl control;  ///< of the projection, and of every entry inside beside its own
  friend bool operator==(const ResidualSpec& a, const ResidualSpec& b);
};
template <>
inline constexpr auto kWords<ResidualSpec::Shortcut> = all_words<ResidualSpec::Shortcut>(
    {{"identity", ResidualSpec::Shortcut::identity}, {"projection", ResidualSpec::Shortcut::projection}});

/// y = x * gate(W2 activation(W1 mean(x) + b1) + b2), map by map (J. Hu et al., arXiv:1709.01507), as
/// torchvision.ops.SqueezeExcitation: W1 and W2 are 1x1 convolutions, "fc1" and "fc2" of the entry.
struct SqueezeExciteSpec {
  int squeeze_channels = 0;  ///< between the two
  ActivationFunction inner_activation = ActivationFunction::relu;
  ActivationFunction gate = ActivationFunction::sigmoid;
  LayerControl control;
  friend bool operator==(const SqueezeExciteSpec&, const SqueezeExciteSpec&) = default;
};

/// One entry of the config's `network`.
struct LayerSpec {
  std::string name;  ///< unique in the network; given, or type and running number
  std::string path;  ///< JSON pointer of the entry, for error messages: "/network/3", "/network/3/layers/0"
  AnyLayerSpec<SqueezeExciteSpec, ResidualSpec> spec;
  friend bool operator==(const LayerSpec&, const LayerSpec&) = default;
};

// Not defaulted in the class: LayerSpec is not complete there.
inline bool operator==(const ResidualSpec& a, const ResidualSpec& b) {
  return a.layers == b.layers && a.shortcut == b.shortcut && a.activation == b.activation &&
         a.control == b.control;
}

/// The chain, first entry first.
using NetworkSpec = std::vector<LayerSpec>;

}  // namespace cnn
