#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "nn/graph.h"
#include "nn/parameter_plan.h"

namespace cnn {

/// A buffer for one block: maps with a halo, or a plain array, of which only `floats` counts.
struct Buffer {
  int c = 1, h = 1, w = 1;
  Halo halo{};
  std::int64_t floats = 0;
};

/// What a buffer is to an operation.
enum class Role { x, shortcut, y, winners, dy, dx, dshortcut };
inline constexpr int kRoles = 7;

/// One call, for one block or for all of them: what it does, and the numbers of the buffers that it reads and
/// writes. Nothing else says which buffers an operation uses: their lifetimes, and the views that the layer
/// gets, follow from it.
struct Operation {
  enum class Kind {
    fill,        ///< y: the images
    forward,     ///< Layer::forward(), a phase of it; y: in the last phase only
    loss,        ///< x: the logits; y: the probabilities; training, dx: their gradient
    deliver,     ///< x: goes to Batch::deliver
    accumulate,  ///< dy += others: the gradients of a value that several nodes read
    backward,    ///< Layer::backward(), a phase of it; dx, dshortcut: in the last phase only
    batch_wide,  ///< Layer::run() for all blocks
  };
  Kind kind = Kind::fill;
  int node = -1;
  int phase = 0;
  int time = 0;                   ///< its place in the order of all operations; a rewritten schedule keeps it
  Work work = Work::pack;         ///< batch_wide
  Fusions fused{};                ///< with the operations of neighbors
  int normalization = -1;         ///< Fusion::normalize: the node whose work it does, too
  std::vector<int> others{};      ///< what the layer saves for backward; scratch of the loss
  std::vector<int> new_halos{};   ///< buffers that start here, on memory used before: zero their halos
  std::array<int, kRoles> roles;  ///< -1: none

  explicit Operation(Kind what, int of_node = -1, int of_phase = 0)
      : kind(what), node(of_node), phase(of_phase) {
    roles.fill(-1);
  }
  int operator[](Role role) const { return roles[static_cast<std::size_t>(role)]; }
  int& operator[](Role role) { return roles[static_cast<std::size_t>(role)]; }
  bool has(Role role) const { return (*this)[role] >= 0; }
  bool uses(int buffer) const;
};

/// A run of operations that need no other block: each worker takes a block through all of them before the
/// next. Work on all blocks may follow.
struct Stage {
  std::vector<Operation> operations;
  std::optional<Operation> batch_wide;
};

/// How a batch goes through a network: every operation in its order.
struct Schedule {
  std::vector<Buffer> buffers;  ///< the first are what layers save: BufferId is their number
  std::vector<Stage> stages;
  int times = 0;                   ///< Operation::time is below; the last is that of the weight gradients
  std::size_t forward_stages = 0;  ///< the stage with the loss is the last of these
  std::vector<Operation> weight_gradients;  ///< batch-wide, behind the last stage, at the same time
};

/// The part of a network that a batch goes through.
struct Route {
  int first = 0;        ///< the first node; Batch::fill writes its input
  int end = -1;         ///< the node behind the last one, whose output Batch::deliver gets; -1: to the loss
  int learns_from = 0;  ///< no node before this one learns
  friend bool operator==(const Route&, const Route&) = default;
};

struct ScheduleRequest {
  bool training = false;        ///< else forward only
  bool input_gradient = false;  ///< training also computes the gradient of the images
  Route route{};
};

/// One operation for each layer and phase, without fusions: the y, dy and dx of every node can be observed.
Schedule make_schedule(const Graph& graph, const ParameterPlan& plan, const ScheduleRequest& request);

/// Every operation in the order of time, with its stage: work behind a stage, and the weight gradients, count
/// as stages of their own.
void for_each_operation(const Schedule& schedule,
                        const std::function<void(const Operation& operation, int stage)>& visit);

/// Bytes that an operation reads and writes of one block, each buffer once; weights do not count.
double moved_bytes(const Schedule& schedule, const Operation& operation);

/// Whether an operation writes the gradient of this node's input: only if a layer before it learns.
bool has_input_gradient(const Schedule& schedule, int node);

}  // namespace cnn
