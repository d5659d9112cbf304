#pragma once

#include <type_traits>
#include <utility>
#include <variant>

#include "nn/network_spec.h"
#include "train/training_spec.h"

namespace cnn {

/// The last entry that is frozen, by number; -1: none is, or FreezeSpec::until is not an entry of the network
/// itself.
inline int last_frozen_entry(const NetworkSpec& network, const FreezeSpec& freeze) {
  const auto has_weights = [](const auto& spec) {
    using Spec = std::remove_cvref_t<decltype(spec)>;
    return requires { spec.control; }
    &&!std::is_same_v<Spec, BatchNormSpec>;
  };
  for (int i = static_cast<int>(network.size()) - 1; i >= 0; --i) {
    const LayerSpec& entry = network[static_cast<std::size_t>(i)];
    if (freeze.until.empty() && std::visit(has_weights, entry.spec)) return i - 1;
    if (!freeze.until.empty() && entry.name == freeze.until) return i;
  }
  return -1;
}

/// The network as it is trained: with what `freeze` says of its entries.
inline NetworkSpec with_frozen_entries(NetworkSpec network, const FreezeSpec& freeze) {
  LearningEpochs epochs = LearningEpochs::never();
  double scale = 1;
  if (freeze.unfreeze) {
    epochs = {.first = freeze.unfreeze->after_epochs + 1};
    scale = freeze.unfreeze->learning_rate_scale;
  }
  const LayerControl frozen{
      .trainable = {epochs, epochs}, .learning_rate_scale = {scale, scale}, .frozen_statistics = true};
  for (int i = last_frozen_entry(network, freeze); i >= 0; --i)
    std::visit(
        [&](auto& spec) {
          if constexpr (requires { spec.control; }) spec.control = combined(frozen, spec.control);
        },
        network[static_cast<std::size_t>(i)].spec);
  return network;
}

}  // namespace cnn
