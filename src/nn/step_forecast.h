#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "nn/arena.h"
#include "nn/graph.h"
#include "nn/loops.h"
#include "nn/schedule.h"

namespace cnn {

/// What the parts of a training step cost, as measured with some number of threads.
struct StepCosts {
  std::vector<double> operations;      ///< seconds of one worker for one block, by Operation::time
  double gradients = 0;                ///< seconds of one worker for one block: the last of these times
  double optimizer = 0;                ///< seconds of one worker for a step, whatever the batch
  double loop = 0;                     ///< seconds that a loop of several workers costs, with two of them
  std::int64_t cache_bytes = 1 << 20;  ///< that a core has for itself
  /// That all cores together can move from and to memory.
  double most_bytes_per_second = std::numeric_limits<double>::infinity();
};

/// How long a step would take with other numbers of threads and images: the loops that the engine would run
/// (nn/loops.h), each as long as its slowest worker, tasks being dealt out in rounds:
///
///     loop    = max(rounds * task, bytes / most_bytes_per_second) + c(threads)
///     rounds  = ceil(tasks / threads)
///     task    = sum over its operations of seconds * blocks of a leaf * largest share
///     c(T)    = loop * log2(T)       what starting and ending costs, in a tree of caches
///     step    = sum of loops + work on all blocks, as even as its tasks allow + optimizer / threads
///
/// Not in it: other programs, clocks that fall when many cores are busy, threads that share a core.
class StepForecast {
 public:
  /// The schedule is the one that was measured. All references must outlive the object.
  StepForecast(const Graph& graph, const Schedule& schedule, const ArenaLayout& layout, StepCosts costs);

  /// One step with so many blocks.
  struct Step {
    double seconds = 0;
    double bytes = 0;  ///< moved from and to memory
  };
  Step step(int blocks, int threads) const;

 private:
  Step run(const Stage& stage, const Loop& loop, int blocks, int threads) const;
  double batch_wide(const Operation& operation, int blocks, int threads) const;
  double loop_cost(int threads) const;

  const Graph& graph_;
  const Schedule& schedule_;
  const ArenaLayout& layout_;
  StepCosts costs_;
};

}  // namespace cnn
