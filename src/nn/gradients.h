#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "cluster/cluster.h"
#include "core/aligned_buffer.h"
#include "core/thread_pool.h"
#include "nn/gradient_exchange.h"
#include "nn/leaves.h"
#include "nn/network.h"
#include "nn/schedule.h"

namespace cnn {

/// The gradients of a batch: of each leaf, and their sum over the leaves of this process, then of all
/// processes.
class Gradients {
 public:
  /// What a worker may touch in Work::weight_gradient of an operation that reads the blocks from
  /// `first_block` on.
  using MakePass = std::function<Pass(const Operation& operation, int first_block, int worker)>;

  /// weight_gradients: Schedule's. most_blocks: of a batch. time: Operation::time of this work.
  Gradients(const Network& network, std::span<const Operation> weight_gradients, ThreadPool& pool,
            Cluster& cluster, int most_blocks, int time);

  void begin(const Leaves& leaves);
  /// Where the blocks of a leaf of this process add theirs.
  float* of_leaf(int leaf) { return leaves_.data() + (leaf - own_leaves_.first) * plan().leaf_floats; }
  /// Whether anything travels to other processes.
  bool travels() const { return exchange_.has_value(); }

  /// All leaves of this process have the gradients of these nodes: adds them up, and sends them on their way.
  void add(std::span<const int> nodes, const MakePass& make_pass, Profile* profile);
  void progress() { exchange_->progress(); }
  /// Until all gradients are there.
  void finish();

  float* data() { return sums_.data(); }
  std::span<const float> all() const { return sums_.span(); }

  /// The memory of an object like this.
  static std::int64_t floats(const ParameterPlan& plan, const Cluster& cluster, int most_blocks);

 private:
  /// A layer's Work::weight_gradient, or a range of parameters that only has to be added.
  struct Task {
    int node;
    const Operation* operation;  ///< null: a range
    int task = 0;
    ParameterPlan::LeafRange range{};
  };
  const ParameterPlan& plan() const { return network_.plan(); }
  /// A node of the tree that this process adds up.
  struct TreeNode {
    Extent leaves;
    int first_block;
    std::vector<int> leaf_ends;  ///< in blocks from first_block on
    float* sums;
  };
  void run(const Task& task, const TreeNode& node, int worker, const MakePass& make_pass);

  const Network& network_;
  ThreadPool& pool_;
  Cluster& cluster_;
  int last_time_;
  std::vector<Task> tasks_;  ///< of each node one after the other
  AlignedBuffer leaves_, nodes_, sums_;
  std::optional<GradientExchange> exchange_;  ///< with other processes
  // Of the batch:
  int blocks_ = 0;
  Extent own_leaves_;
  std::vector<TreeNode> own_nodes_;
  std::vector<const Task*> chosen_;
};

}  // namespace cnn
