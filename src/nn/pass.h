#pragma once

#include <algorithm>
#include <cstdint>

#include "core/block.h"
#include "nn/profile.h"

namespace cnn {

// Handles that a layer gets from the planner and resolves through a Pass.
struct ParameterId {
  std::int64_t offset = -1;       ///< into parameters and gradients
  std::int64_t leaf_offset = -1;  ///< into a leaf's gradients; -1: batch-wide
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
  std::int64_t offset = -1, doubles = 0;  ///< of each block
};

/// Where a buffer lies, in one schedule: in the arena of its block, or of the worker.
struct Slot {
  std::int64_t offset = 0;
  bool per_block = false;
};

/// [first, end)
struct Extent {
  int first = 0, end = 0;
  int count() const { return end - first; }
};

/// What one worker does of a call on a block: all of it, or one of `count` shares of the channels (or rows)
/// of what the call writes.
struct Share {
  enum class Axis { whole, channels, rows };
  Axis axis = Axis::whole;
  int number = 0, count = 1;
  int least_channels = 1;  ///< a range of channels begins at a multiple of this, a power of two

  /// Of `c` channels; calls with as many channels have the same ranges.
  Extent channels(int c) const {
    return axis == Axis::channels ? range(c, channel_unit(c, count, least_channels)) : Extent{0, c};
  }
  /// Of `h` rows, in multiples of `unit`.
  Extent rows(int h, int unit) const { return axis == Axis::rows ? range(h, unit) : Extent{0, h}; }

  /// The largest of so many ranges of [0, size) that begin at multiples of `unit`.
  static int largest(int size, int unit, int shares) {
    const int units = (size + unit - 1) / unit;
    return std::min(size, (units + shares - 1) / shares * unit);
  }
  /// Whole groups of packed weights are best, but not if one share gets much more than the others.
  static int channel_unit(int c, int shares, int least) {
    for (int unit = 16; unit > least; unit /= 2)
      if (20 * largest(c, unit, shares) * shares <= 23 * c) return unit;
    return least;
  }

 private:
  Extent range(int size, int unit) const {
    const int units = (size + unit - 1) / unit;
    const auto border = [&](int n) { return std::min(size, n * units / count * unit); };
    return {border(number), border(number + 1)};
  }
};

/// Everything that one call of a layer may touch. Built by the Runner; cheap to copy.
struct Pass {
  bool training = false;
  std::uint64_t seed = 0;
  std::uint32_t step = 0;

  std::int64_t batch_images = 0;
  int blocks = 0;      ///< of the batch
  int own_blocks = 0;  ///< of those, the ones of this process
  int block = 0;       ///< for one block: which, and how many of its lanes hold images
  int images = 0;
  Share share;              ///< for one block
  bool accumulate = false;  ///< the leaf's gradients hold earlier blocks already

  float* parameters = nullptr;
  float* gradients = nullptr;
  float* leaf_gradients = nullptr;
  float* states = nullptr;
  float* constants = nullptr;
  double* statistics = nullptr;  ///< one statistic of all blocks after the other
  std::int64_t most_blocks = 0;
  int first_block = 0;            ///< of this process
  float* blocks_arena = nullptr;  ///< of this process's first block
  std::int64_t block_stride = 0;
  float* worker_arena = nullptr;
  float* scratch_arena = nullptr;
  const Slot* slots = nullptr;
  Stopwatch* watch = nullptr;  ///< null: nobody wants to know

  /// Images in a block: the last may have fewer than lanes.
  int images_in(int of_block) const {
    return static_cast<int>(std::min<std::int64_t>(kLanes, batch_images - std::int64_t{of_block} * kLanes));
  }

  /// Books the time since the last lap. The runner does it at the end of a call; a layer only between parts.
  void lap(TimePart part) const {
    if (watch) watch->lap(part);
  }

  float* parameter(ParameterId id) const { return parameters + id.offset; }
  /// Where this block adds its gradient.
  float* leaf_gradient(ParameterId id) const { return leaf_gradients + id.leaf_offset; }
  float* gradient(ParameterId id) const { return gradients + id.offset; }
  float* state(StateId id) const { return states + id.offset; }
  float* constant(ConstantId id) const { return constants + id.offset; }
  float* buffer(BufferId id) const { return buffer(id, block); }
  float* buffer(BufferId id, int of_block) const {
    const Slot& slot = slots[id.index];
    return (slot.per_block ? blocks_arena + (of_block - first_block) * block_stride : worker_arena) +
           slot.offset;
  }
  double* statistic(StatisticId id) const { return statistic(id, block); }
  double* statistic(StatisticId id, int of_block) const {
    return statistics + id.offset * most_blocks + of_block * id.doubles;
  }
  float* scratch() const { return scratch_arena; }

  /// Work::weight_gradient adds up leaves: leaf_gradient() is the first one's, and these say where the others
  /// are; block0 is the first block of the first leaf.
  int leaves = 0;
  const int* leaf_ends = nullptr;  ///< [leaves], in blocks from block0 on
  std::int64_t leaf_stride = 0;
  /// If Needs::batch_wide_gradient or batch_wide_passes, what the work reads and writes of every block, from
  /// the first on that it concerns: these, and a block_stride further on each.
  BlockView<const float> x_of_block0, dy_of_block0;
  BlockView<float> y_of_block0, dx_of_block0;
};

}  // namespace cnn
