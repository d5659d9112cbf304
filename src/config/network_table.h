#pragma once

#include <set>
#include <string>

#include "config/typed.h"
#include "nn/network_spec.h"

namespace cnn {

/// An entry of `network`. Names are given or empty; name_layers() completes them.
using LayerVariant = decltype(LayerSpec::spec);
const Typed<LayerSpec, LayerVariant>& layer_kind();

/// A chain of entries: `network`, and `layers` of a residual.
KindOf<NetworkSpec> chain_kind();

/// Gives every entry without a name its type and running number, counted depth first; reports names that
/// occur twice. Returns all the names in `names`.
bool name_layers(const Place& network_place, NetworkSpec& network, std::vector<std::string>& names);

}  // namespace cnn
