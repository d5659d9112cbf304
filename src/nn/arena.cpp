#include "nn/arena.h"

#include <algorithm>
#include <utility>

namespace cnn {
namespace {

template <class Visit>
void for_each_buffer(const Operation& operation, const Visit& visit) {
  for (const int buffer : operation.roles)
    if (buffer >= 0) visit(buffer);
  for (const int buffer : operation.others) visit(buffer);
}

bool overlap(const Life& a, const Life& b) {
  return a.per_block == b.per_block && a.first <= b.last && b.first <= a.last;
}

/// Buffers that are used at all, the largest first.
std::vector<int> in_order_of_size(std::span<const Buffer> buffers, std::span<const Life> lives) {
  std::vector<int> order;
  for (int i = 0; i < static_cast<int>(buffers.size()); ++i)
    if (lives[i].first >= 0) order.push_back(i);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return buffers[a].floats > buffers[b].floats; });
  return order;
}

/// The lowest place of this size outside what is taken.
std::int64_t lowest_gap(std::vector<std::pair<std::int64_t, std::int64_t>> taken, std::int64_t floats) {
  std::sort(taken.begin(), taken.end());
  std::int64_t offset = 0;
  for (const auto& [begin, end] : taken) {
    if (offset + floats <= begin) break;
    offset = std::max(offset, end);
  }
  return offset;
}

}  // namespace

std::vector<Life> lives_of(std::span<const Schedule* const> schedules) {
  std::vector<Life> lives(schedules.front()->buffers.size());
  std::vector<int> stages(lives.size(), -1);
  for (const Schedule* schedule : schedules)
    for_each_operation(*schedule, [&](const Operation& operation, int stage) {
      for_each_buffer(operation, [&](int buffer) {
        Life& life = lives[buffer];
        if (life.first < 0) life = {operation.time, operation.time}, stages[buffer] = stage;
        life.first = std::min(life.first, operation.time);
        life.last = std::max(life.last, operation.time);
        life.per_block |= stages[buffer] != stage || operation.kind == Operation::Kind::batch_wide;
      });
    });
  return lives;
}

ArenaLayout lay_out(std::span<const Buffer> buffers, std::span<const Life> lives) {
  ArenaLayout layout;
  layout.slots.resize(buffers.size());
  layout.exclusive.assign(buffers.size(), true);
  std::vector<int> placed;
  for (const int i : in_order_of_size(buffers, lives)) {
    const std::int64_t floats = buffers[i].floats;
    std::vector<std::pair<std::int64_t, std::int64_t>> taken;
    for (const int other : placed)
      if (overlap(lives[i], lives[other]))
        taken.emplace_back(layout.slots[other].offset, layout.slots[other].offset + buffers[other].floats);
    const std::int64_t offset = lowest_gap(std::move(taken), floats);
    layout.slots[i] = {offset, lives[i].per_block};
    std::int64_t& total = lives[i].per_block ? layout.block_floats : layout.worker_floats;
    total = std::max(total, offset + floats);
    for (const int other : placed) {
      const Slot& slot = layout.slots[other];
      if (slot.per_block != lives[i].per_block) continue;
      if (slot.offset < offset + floats && offset < slot.offset + buffers[other].floats)
        layout.exclusive[i] = layout.exclusive[other] = false;
    }
    placed.push_back(i);
  }
  return layout;
}

void mark_new_halos(Schedule& schedule, const ArenaLayout& layout) {
  std::vector<bool> begun(schedule.buffers.size(), false);
  for (Stage& stage : schedule.stages) {
    for (Operation& operation : stage.operations)
      for_each_buffer(operation, [&](int buffer) {
        if (begun[buffer]) return;
        begun[buffer] = true;
        if (!layout.exclusive[buffer] && !schedule.buffers[buffer].halo.none())
          operation.new_halos.push_back(buffer);
      });
    if (stage.batch_wide)  // what begins there is flat
      for_each_buffer(*stage.batch_wide, [&](int buffer) { begun[buffer] = true; });
  }
}

}  // namespace cnn
