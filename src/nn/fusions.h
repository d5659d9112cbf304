#pragma once

#include "nn/graph.h"
#include "nn/schedule.h"

namespace cnn {

/// Which fusions are made of those that two neighbors offer (Needs::leads, Needs::follows).
enum class FusionChoice {
  where_it_pays,  ///< on the instruction set in use
  all,            ///< for tests on a machine where not all of them pay
};

/// The schedule with its fusions: same numbers, same buffers, fewer passes over memory. There are values that
/// nobody computes any more, so who wants to see every one takes the schedule as it was.
///
/// A new fusion: a value of Fusion, the two layers that offer and do it, and its rewrite here.
Schedule fused(const Schedule& plain, const Graph& graph, FusionChoice choice = FusionChoice::where_it_pays);

}  // namespace cnn
