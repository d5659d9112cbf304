#pragma once

#include <vector>

#include "nn/network.h"
#include "report/layer_table.h"

namespace cnn {

/// A network's layers as lines of the layer table.
inline std::vector<LayerRow> layer_rows(const Network& network) {
  std::vector<LayerRow> rows;
  for (const LayerSummary& layer : network.layers())
    rows.push_back({.name = layer.name,
                    .type = layer.type,
                    .output = to_string(layer.out),
                    .activations = layer.out.values(),
                    .parameters = layer.parameters,
                    .macs = layer.macs,
                    .dense_equivalent_parameters = layer.dense_equivalent_parameters,
                    .receptive_field = to_string(layer.receptive_field)});
  return rows;
}

}  // namespace cnn
