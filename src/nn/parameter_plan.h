#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/graph.h"

namespace cnn {

/// The places of everything that the layers of a network ask for. Offsets are in floats, multiples of 16, so
/// every tensor begins on a 64-byte boundary; the memory itself is the Network's and the Runner's.
struct ParameterPlan {
  /// A tensor of a model file, in PyTorch's shape.
  struct PlannedTensor {
    std::string name;  ///< "conv1.weight"
    std::vector<std::int64_t> shape;
    std::int64_t count;   ///< of numbers
    std::int64_t offset;  ///< among the parameters, or the states
    bool trainable;       ///< a parameter, as opposed to a running statistic
    Initialization start;
    ParameterControl control;
  };
  std::vector<PlannedTensor> tensors;  ///< in the order of the layers

  std::int64_t parameter_floats = 0;  ///< trainable
  std::int64_t state_floats = 0;      ///< running statistics
  std::int64_t constant_floats = 0;   ///< derived from them by Work::pack, and constants of a step

  struct LeafRange {
    int node;
    std::int64_t offset, leaf_offset, count;
  };
  std::vector<LeafRange> leaf_ranges;  ///< parameters whose gradients the runner adds up over the leaves
  std::int64_t leaf_floats = 0;

  std::vector<std::int64_t> saved_floats;  ///< of each Planner::saved(), by BufferId
  std::int64_t statistic_doubles = 0;      ///< for each block
  std::int64_t evaluation_scratch_floats = 0, training_scratch_floats = 0;
  std::int64_t scratch_floats(bool training) const {
    return training ? training_scratch_floats : evaluation_scratch_floats;
  }

  struct PackTask {
    int node, task;
    std::int64_t position;  ///< roughly where among the parameters it reads; ascending
  };
  std::vector<PackTask> pack_tasks;
};

/// Asks every layer once what it needs, and fills in the planned part of the graph's nodes. Throws SpecError
/// for a tensor that is too large, or if the process cannot get the memory for all of them. largest_batch:
/// images in one training step.
ParameterPlan plan_parameters(Graph& graph, std::int64_t largest_batch);

}  // namespace cnn
