#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/graph.h"

namespace cnn {

/// What a table says about one entry of the config.
struct LayerSummary {
  std::string name, type;
  std::string outputs_key;  ///< Layer::outputs_key()
  Shape in, out;
  std::int64_t parameters = 0;
  std::int64_t macs = 0;
  std::int64_t dense_equivalent_parameters = 0;
  Size2 receptive_field;  ///< input rows and columns that one output value can see
  /// Input rows and columns between what neighboring outputs see; 0 where there are no neighbors: flat, 1x1.
  Size2 effective_stride{0, 0};
  Window window;
  std::int64_t inputs_per_output = 0;  ///< values of `in` that one output value reads, at most
};

/// A row for every entry, those inside a residual before the residual. The graph's parameters are planned.
std::vector<LayerSummary> summarize(const Graph& graph);

}  // namespace cnn
