#include "nn/loops.h"

#include <algorithm>
#include <limits>

namespace cnn {
namespace {

/// What the end of a loop costs, and what one more call costs, in the units of CallSharing::work: about two
/// microseconds, and a tenth of one.
constexpr double kLoopWork = 6000, kCallWork = 300;

/// Operations of a loop whose shares are channels. A longer one would save little, and plans of networks with
/// thousands of layers would take minutes.
constexpr int kLongestSharedLoop = 64;

/// How an operation uses a buffer.
struct Access {
  int buffer;
  bool writes;
  bool own_channels;  ///< of a share: the same of what it reads as of what it writes
};

/// An operation, as far as sharing is concerned.
struct SharedCall {
  CallSharing sharing;
  std::vector<Access> accesses;
};

/// The one thing of which every share reads all channels, unless CallSharing::own_channels.
Role read_by_all(const Operation& operation) {
  return operation.kind == Operation::Kind::backward && operation.phase == 1 ? Role::dy : Role::x;
}

bool writes(const Operation& operation, Role role) {
  using enum Operation::Kind;
  switch (role) {
    case Role::y:
    case Role::winners:
      return operation.kind != backward;
    case Role::dx:
    case Role::dshortcut:
      return true;
    case Role::dy:
      return operation.kind == accumulate || operation.phase == 0;
    default:
      return false;
  }
}

CallSharing sharing_of(const Operation& operation, const Schedule& schedule, const Graph& graph) {
  const auto node = static_cast<std::size_t>(operation.node);
  switch (operation.kind) {
    case Operation::Kind::forward:
      return graph.nodes()[node].layer->forward_sharing(operation.phase, operation.fused);
    case Operation::Kind::backward:
      return graph.nodes()[node].layer->backward_sharing(operation.phase, operation.fused);
    case Operation::Kind::accumulate: {
      const Buffer& sum = schedule.buffers[static_cast<std::size_t>(operation[Role::dy])];
      const Shape shape{.c = sum.c, .h = sum.h, .w = sum.w};
      return CallSharing::by_pixels(shape, shape);
    }
    default:
      return {};
  }
}

SharedCall shared_call(const Operation& operation, const Schedule& schedule, const Graph& graph) {
  SharedCall call{.sharing = sharing_of(operation, schedule, graph), .accesses = {}};
  for (int r = 0; r < kRoles; ++r) {
    const auto role = static_cast<Role>(r);
    if (!operation.has(role)) continue;
    const bool own = call.sharing.own_channels || role != read_by_all(operation);
    call.accesses.push_back({operation[role], writes(operation, role), own});
  }
  for (const int buffer : operation.others)
    call.accesses.push_back({buffer, operation.kind == Operation::Kind::forward, true});
  return call;
}

/// Of the longest task of a loop.
double work_of_task(const CallSharing& sharing, const Loop& loop) {
  const auto part = [&](int size, int unit) {
    return static_cast<double>(Share::largest(size, unit, loop.shares)) / size;
  };
  switch (loop.axis) {
    case Share::Axis::channels:
      return sharing.repeated + (sharing.work - sharing.repeated) *
                                    part(sharing.channels, Share::channel_unit(sharing.channels, loop.shares,
                                                                               loop.least_channels));
    case Share::Axis::rows:
      return sharing.work * part(sharing.rows, sharing.row_unit);
    case Share::Axis::whole:
      break;
  }
  return sharing.work;
}

/// The loops of one stage with the least cost, by dynamic programming over where they end.
class StagePlanner {
 public:
  StagePlanner(const Stage& stage, const Schedule& schedule, const Graph& graph, const ArenaLayout& layout,
               int leaves, int threads)
      : schedule_(schedule), layout_(layout), leaves_(leaves), threads_(threads) {
    for (const Operation& operation : stage.operations)
      calls_.push_back(shared_call(operation, schedule, graph));
  }

  std::vector<Loop> plan() {
    const int count = static_cast<int>(calls_.size());
    costs_.assign(calls_.size() + 1, std::numeric_limits<double>::infinity());
    last_.resize(calls_.size() + 1);
    costs_[0] = 0;
    for (int first = 0; first < count; ++first) {
      add_whole_loops(first);
      add_loops_over_channels(first);
      add_loops_over_rows(first);
    }
    std::vector<Loop> loops;
    for (int end = count; end > 0; end = loops.back().first) loops.push_back(last_[index(end)]);
    std::ranges::reverse(loops);
    return loops;
  }

 private:
  static std::size_t index(int i) { return static_cast<std::size_t>(i); }
  int rounds(int shares) const { return (leaves_ * shares + threads_ - 1) / threads_; }

  void offer(const Loop& loop) {
    double task = 0;
    for (int call = loop.first; call < loop.end; ++call)
      task += kCallWork + work_of_task(calls_[index(call)].sharing, loop);
    offer(loop, task);
  }
  void offer(const Loop& loop, double task) {
    const double cost = costs_[index(loop.first)] + rounds(loop.shares) * task + kLoopWork;
    if (cost >= costs_[index(loop.end)]) return;
    costs_[index(loop.end)] = cost;
    last_[index(loop.end)] = loop;
  }

  void add_whole_loops(int first) {
    double work = 0;
    for (int end = first + 1; end <= static_cast<int>(calls_.size()); ++end) {
      work += calls_[index(end - 1)].sharing.work + kCallWork;
      offer({.first = first, .end = end}, work);
    }
  }

  void add_loops_over_channels(int first) {
    int least = 1;
    const int last = std::min(static_cast<int>(calls_.size()), first + kLongestSharedLoop);
    for (int end = first + 1; end <= last && may_join(first, end - 1); ++end) {
      least = std::max(least, calls_[index(end - 1)].sharing.least_channels);
      for (int shares = 2; shares <= threads_; ++shares)
        offer({first, end, Share::Axis::channels, shares, least});
    }
  }

  void add_loops_over_rows(int first) {
    const CallSharing& sharing = calls_[index(first)].sharing;
    const int units = (sharing.rows + sharing.row_unit - 1) / sharing.row_unit;
    for (int shares = 2; shares <= std::min(units, threads_); ++shares)
      offer({first, first + 1, Share::Axis::rows, shares});
  }

  /// Whether a call can be shared by channels, in one loop with those from `first` on.
  bool may_join(int first, int call) const {
    if (calls_[index(call)].sharing.channels == 0) return false;
    for (int other = first; other < call; ++other)
      if (interfere(calls_[index(other)], calls_[index(call)])) return false;
    return true;
  }

  /// Whether shares of one may not run at the same time as other shares of the other.
  bool interfere(const SharedCall& a, const SharedCall& b) const {
    const bool same_ranges = a.sharing.channels == b.sharing.channels;
    for (const Access& one : a.accesses)
      for (const Access& other : b.accesses) {
        if (!one.writes && !other.writes) continue;
        if (!overlap(one.buffer, other.buffer)) continue;
        if (one.buffer != other.buffer || !one.own_channels || !other.own_channels || !same_ranges)
          return true;
      }
    return false;
  }

  bool overlap(int a, int b) const {
    const Slot &one = layout_.slots[index(a)], &other = layout_.slots[index(b)];
    if (one.per_block != other.per_block) return false;
    return one.offset < other.offset + schedule_.buffers[index(b)].floats &&
           other.offset < one.offset + schedule_.buffers[index(a)].floats;
  }

  const Schedule& schedule_;
  const ArenaLayout& layout_;
  const int leaves_, threads_;
  std::vector<SharedCall> calls_;
  std::vector<double> costs_;  ///< of all loops up to an operation
  std::vector<Loop> last_;     ///< of these loops
};

}  // namespace

double largest_share(const Operation& operation, const Loop& loop, const Schedule& schedule,
                     const Graph& graph) {
  const CallSharing sharing = sharing_of(operation, schedule, graph);
  if (sharing.work == 0) return 1.0 / loop.shares;
  return work_of_task(sharing, loop) / sharing.work;
}

LoopPlan whole_leaves(const Schedule& schedule) {
  LoopPlan plan;
  for (const Stage& stage : schedule.stages)
    plan.stages.push_back({{.first = 0, .end = static_cast<int>(stage.operations.size())}});
  return plan;
}

LoopPlan plan_loops(const Schedule& schedule, const Graph& graph, const ArenaLayout& layout, int leaves,
                    int threads) {
  if (leaves >= leaves_for_all(threads)) return whole_leaves(schedule);
  LoopPlan plan;
  for (const Stage& stage : schedule.stages) {
    plan.stages.push_back(StagePlanner(stage, schedule, graph, layout, leaves, threads).plan());
    for (const Loop& loop : plan.stages.back()) plan.keeps_blocks |= loop.shares > 1;
  }
  return plan.keeps_blocks ? plan : whole_leaves(schedule);
}

LoopPlan cut_at_gradients(LoopPlan plan, const Schedule& schedule, const Graph& graph) {
  for (std::size_t stage = schedule.forward_stages; stage < plan.stages.size(); ++stage) {
    std::vector<Loop> cut;
    for (const Loop& loop : plan.stages[stage]) {
      int first = loop.first;
      for (int end = first + 1; end <= loop.end; ++end) {
        const Operation& last = schedule.stages[stage].operations[static_cast<std::size_t>(end - 1)];
        const bool learns = last.kind == Operation::Kind::backward && last.phase == 0 &&
                            graph.nodes()[static_cast<std::size_t>(last.node)].parameters > 0;
        if (end < loop.end && !learns) continue;
        cut.push_back({first, end, loop.axis, loop.shares, loop.least_channels});
        first = end;
      }
    }
    plan.keeps_blocks |= cut.size() > 1;
    plan.stages[stage] = std::move(cut);
  }
  return plan;
}

}  // namespace cnn
