#pragma once

#include "nn/graph.h"
#include "nn/schedule.h"

namespace cnn {

/// Which fusions are made of those that two neighbors offer (Needs::leads, Needs::follows).
enum class FusionChoice {
  where_it_pays,  ///< on the instruction set in use
  all,            ///< for tests on a machine where not all of them pay
};

/// The schedule with its fusions: same numbers, same buffers, fewer passes over memory. It skips some values
/// entirely, so observers need the plain schedule.
///
/// To add a fusion: add a value to Fusion, let two layers offer and do it, and write its rewrite in
/// fusions.cpp.
Schedule fused(const Schedule& plain, const Graph& graph, FusionChoice choice = FusionChoice::where_it_pays);

}  // namespace cnn
