#pragma once

#include <vector>

#include "nn/arena.h"
#include "nn/graph.h"
#include "nn/schedule.h"

namespace cnn {

/// Operations [first, end) of a stage that the workers go through without waiting for each other: a task is a
/// leaf, with all of its blocks, or one share of it.
struct Loop {
  int first = 0, end = 0;
  Share::Axis axis = Share::Axis::whole;
  int shares = 1;
  int least_channels = 1;  ///< of every share: the most that an operation asks for
};

/// The loops of each stage.
struct LoopPlan {
  std::vector<std::vector<Loop>> stages;
  /// A stage has several loops: what a worker needs for its current block must be kept for every block.
  bool keeps_blocks = false;
};

/// One loop a stage, of whole leaves.
LoopPlan whole_leaves(const Schedule& schedule);

/// The same with a loop's end behind every operation that computes the gradient of parameters, so that it can
/// travel to other processes while the next ones are computed.
LoopPlan cut_at_gradients(LoopPlan plan, const Schedule& schedule, const Graph& graph);

/// The loops for `leaves` leaves and `threads` workers that should take the shortest time. With as many
/// leaves as workers these are whole leaves. Else operations are shared out, and a loop ends before an
/// operation that reads what other shares of the loop write. A fixed rule on counted work (CallSharing::work,
/// and what a loop costs): never on a timing, and no bit depends on it.
LoopPlan plan_loops(const Schedule& schedule, const Graph& graph, const ArenaLayout& layout, int leaves,
                    int threads);

/// Of the work of an operation of a loop on one leaf, what the task with the most of it does.
double largest_share(const Operation& operation, const Loop& loop, const Schedule& schedule,
                     const Graph& graph);

/// Leaves from which on plan_loops() shares nothing.
constexpr int leaves_for_all(int threads) { return threads == 1 ? 1 : 2 * threads; }

}  // namespace cnn
