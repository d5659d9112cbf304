#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nn/pass.h"
#include "nn/schedule.h"

namespace cnn {

/// When a buffer is in use, by Operation::time. first -1: never.
struct Life {
  int first = -1, last = -1;
  /// Several stages use it, or work on all blocks does: each block of the batch has its own. Else each worker
  /// has one, for its current block.
  bool per_block = false;
};

/// Where every buffer lies: in the arena of its block, or of the worker.
struct ArenaLayout {
  std::vector<Slot> slots;
  std::vector<bool> exclusive;  ///< no other buffer ever uses this memory: its halo stays zero
  std::int64_t block_floats = 0, worker_floats = 0;  ///< sizes of the two kinds of arena
};

/// How long each buffer lives. The schedules share their buffers, and any of them may run at any time.
std::vector<Life> lives_of(std::span<const Schedule* const> schedules);

/// Places buffers so that two share memory only if their lives do not overlap: the largest first, each at the
/// lowest place that is free for its whole life.
ArenaLayout lay_out(std::span<const Buffer> buffers, std::span<const Life> lives);

/// Fills in Operation::new_halos.
void mark_new_halos(Schedule& schedule, const ArenaLayout& layout);

}  // namespace cnn
