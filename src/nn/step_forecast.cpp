#include "nn/step_forecast.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "nn/leaves.h"

namespace cnn {

StepForecast::StepForecast(const Graph& graph, const Schedule& schedule, const ArenaLayout& layout,
                           StepCosts costs)
    : graph_(graph), schedule_(schedule), layout_(layout), costs_(std::move(costs)) {}

StepForecast::Step StepForecast::step(int blocks, int threads) const {
  const LoopPlan plan = plan_loops(schedule_, graph_, layout_, Leaves(blocks).count(), threads);
  Step all;
  for (std::size_t number = 0; number < schedule_.stages.size(); ++number) {
    const Stage& stage = schedule_.stages[number];
    for (const Loop& loop : plan.stages[number]) {
      const Step one = run(stage, loop, blocks, threads);
      all.seconds += one.seconds;
      all.bytes += one.bytes;
    }
    if (stage.batch_wide) all.seconds += batch_wide(*stage.batch_wide, blocks, threads);
  }
  all.seconds += costs_.gradients * blocks / threads + costs_.optimizer / threads + 3 * loop_cost(threads);
  return all;
}

StepForecast::Step StepForecast::run(const Stage& stage, const Loop& loop, int blocks, int threads) const {
  const int leaves = Leaves(blocks).count(), tasks = leaves * loop.shares;
  double task = 0, bytes = 0;
  for (int i = loop.first; i < loop.end; ++i) {
    const Operation& operation = stage.operations[static_cast<std::size_t>(i)];
    const double share = largest_share(operation, loop, schedule_, graph_);
    task += costs_.operations[static_cast<std::size_t>(operation.time)] * share;
    const double moved = moved_bytes(schedule_, operation);
    if (moved / loop.shares > static_cast<double>(costs_.cache_bytes)) bytes += moved * blocks;
  }
  const double blocks_of_leaf = std::ceil(static_cast<double>(blocks) / leaves);
  const int rounds = (tasks + threads - 1) / threads;
  const double seconds = std::max(rounds * task * blocks_of_leaf, bytes / costs_.most_bytes_per_second);
  return {seconds + (tasks > 1 ? loop_cost(threads) : 0), bytes};
}

double StepForecast::batch_wide(const Operation& operation, int blocks, int threads) const {
  const int tasks = graph_.nodes()[static_cast<std::size_t>(operation.node)].layer->tasks(operation.work);
  if (tasks == 0) return 0;
  const double rounds = (tasks + threads - 1) / threads;
  return costs_.operations[static_cast<std::size_t>(operation.time)] * blocks * rounds / tasks +
         (tasks > 1 ? loop_cost(threads) : 0);
}

double StepForecast::loop_cost(int threads) const { return costs_.loop * std::log2(threads); }

}  // namespace cnn
