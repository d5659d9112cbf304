#pragma once

#include <cstdint>

#include "core/block.h"
#include "nn/profile.h"

namespace cnn {

// Handles that a layer gets from the planner and resolves through a Pass.
struct ParameterId {
  std::int64_t offset = -1;        ///< into parameters and gradients
  std::int64_t shard_offset = -1;  ///< into a shard's gradients; -1: batch-wide
  bool valid() const { return offset >= 0; }
};
struct StateId {
  std::int64_t offset = -1;
};
struct ConstantId {
  std::int64_t offset = -1;
};
struct BufferId {
  int index = -1;
  bool valid() const { return index >= 0; }
};
struct StatisticId {
  std::int64_t offset = -1;
};

/// Where a buffer lies, in one schedule: in the arena of its block, or of the worker.
struct Slot {
  std::int64_t offset = 0;
  bool per_block = false;
};

/// Everything that one call of a layer may touch. Built by the Runner; cheap to copy.
struct Pass {
  bool training = false;
  std::uint64_t seed = 0;
  std::uint32_t step = 0;

  std::int64_t batch_images = 0;
  int blocks = 0;
  int block = 0;  ///< for one block: which, and how many of its lanes hold images
  int images = 0;
  bool accumulate = false;  ///< the shard's gradients hold earlier blocks already

  float* parameters = nullptr;
  float* gradients = nullptr;
  float* shard_gradients = nullptr;
  float* states = nullptr;
  float* constants = nullptr;
  double* statistics = nullptr;  ///< of block 0
  std::int64_t statistics_stride = 0;
  float* blocks_arena = nullptr;  ///< of block 0
  std::int64_t block_stride = 0;
  float* worker_arena = nullptr;
  float* scratch_arena = nullptr;
  const Slot* slots = nullptr;
  Stopwatch* watch = nullptr;  ///< null: nobody wants to know

  /// Books the time since the last lap. The runner does it at the end of a call; a layer only between parts.
  void lap(TimePart part) const {
    if (watch) watch->lap(part);
  }

  float* parameter(ParameterId id) const { return parameters + id.offset; }
  /// Where this block adds its gradient.
  float* shard_gradient(ParameterId id) const { return shard_gradients + id.shard_offset; }
  float* gradient(ParameterId id) const { return gradients + id.offset; }
  float* state(StateId id) const { return states + id.offset; }
  float* constant(ConstantId id) const { return constants + id.offset; }
  float* buffer(BufferId id) const { return buffer(id, block); }
  float* buffer(BufferId id, int of_block) const {
    const Slot& slot = slots[id.index];
    return (slot.per_block ? blocks_arena + of_block * block_stride : worker_arena) + slot.offset;
  }
  double* statistic(StatisticId id) const { return statistic(id, block); }
  double* statistic(StatisticId id, int of_block) const {
    return statistics + of_block * statistics_stride + id.offset;
  }
  float* scratch() const { return scratch_arena; }

  /// Work::weight_gradient reads the gradients of all shards: shard_gradient() is the first shard's.
  int shards = 0;
  std::int64_t shard_stride = 0;
  /// If Needs::batch_wide_gradient or batch_wide_passes, what the work reads and writes of every block:
  /// these, and a block_stride further on each.
  BlockView<const float> x_of_block0, dy_of_block0;
  BlockView<float> y_of_block0, dx_of_block0;
};

}  // namespace cnn
