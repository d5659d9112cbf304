#include "nn/gradients.h"

#include <algorithm>

#include "kernels/optimizer.h"

namespace cnn {
namespace {

/// Most leaves, and most nodes of the tree, that a process has of a batch with up to so many blocks.
struct Most {
  Most(const Cluster& cluster, int most_blocks) {
    for (int blocks = 1; blocks <= std::min(most_blocks, kMostLeaves); ++blocks) {
      const Extent own = Leaves(blocks).of_process(cluster.rank(), cluster.size());
      leaves = std::max(leaves, own.count());
      nodes = std::max(nodes, static_cast<int>(tree_nodes(own).size()));
    }
  }
  int leaves = 0, nodes = 0;
};

}  // namespace

Gradients::Gradients(const Network& network, std::span<const Operation> weight_gradients, ThreadPool& pool,
                     Cluster& cluster, int most_blocks, int time)
    : network_(network), pool_(pool), cluster_(cluster) {
  for (const Operation& operation : weight_gradients) {
    const Layer& layer = *network.nodes()[static_cast<std::size_t>(operation.node)].layer;
    for (int task = 0; task < layer.tasks(Work::weight_gradient); ++task)
      tasks_.push_back({operation.node, &operation, task});
  }
  for (const ParameterPlan::LeafRange& range : plan().leaf_ranges)
    tasks_.push_back({.node = range.node, .operation = nullptr, .range = range});
  last_time_ = time;
  const Most most(cluster, most_blocks);
  leaves_ = AlignedBuffer(most.leaves * plan().leaf_floats);
  sums_ = AlignedBuffer(plan().parameter_floats);
  if (cluster.size() == 1) return;
  nodes_ = AlignedBuffer(most.nodes * plan().parameter_floats);
  exchange_.emplace(cluster, sums_.data(), nodes_.data(), plan().parameter_floats);
}

std::int64_t Gradients::floats(const ParameterPlan& plan, const Cluster& cluster, int most_blocks) {
  const Most most(cluster, most_blocks);
  const int nodes = cluster.size() == 1 ? 0 : most.nodes;
  return most.leaves * plan.leaf_floats + (1 + nodes) * plan.parameter_floats;
}

void Gradients::begin(const Leaves& leaves) {
  if (exchange_) exchange_->begin(leaves);
  if (leaves.blocks() == blocks_) return;  // as the batch before
  blocks_ = leaves.blocks();
  own_leaves_ = leaves.of_process(cluster_.rank(), cluster_.size());
  own_nodes_.clear();
  const std::vector<Extent> nodes = exchange_ ? tree_nodes(own_leaves_) : std::vector<Extent>{own_leaves_};
  for (const Extent& node : nodes) {
    const int first_block = leaves.blocks_of(node).first;
    std::vector<int> ends;
    for (int leaf = node.first; leaf < node.end; ++leaf)
      ends.push_back(leaves.blocks_of(leaf).end - first_block);
    const auto number = static_cast<std::int64_t>(own_nodes_.size());
    float* const sums = exchange_ ? nodes_.data() + number * sums_.size() : sums_.data();
    own_nodes_.push_back({node, first_block, std::move(ends), sums});
  }
}

void Gradients::add(std::span<const int> nodes, const MakePass& make_pass, Profile* profile) {
  chosen_.clear();
  for (const Task& task : tasks_)
    if (std::ranges::find(nodes, task.node) != nodes.end()) chosen_.push_back(&task);
  const std::size_t chosen = chosen_.size();
  pool_.parallel_for(static_cast<std::int64_t>(chosen * own_nodes_.size()), [&](std::int64_t i, int worker) {
    const Task& task = *chosen_[static_cast<std::size_t>(i) % chosen];
    Stopwatch* const watch = profile ? &profile->watch(worker) : nullptr;
    if (watch) watch->start(), watch->set_place(task.operation ? task.node : -1, last_time_);
    run(task, own_nodes_[static_cast<std::size_t>(i) / chosen], worker, make_pass);
    if (watch) watch->lap(TimePart::backward_weights);
  });
  if (!exchange_) return;
  for (const int n : nodes) {
    const Node& node = network_.nodes()[static_cast<std::size_t>(n)];
    // What a reduction over the batch computed is the same everywhere already.
    if (node.parameters > 0 && !node.needs.two_phases)
      exchange_->start(node.parameters_begin, node.parameters_end);
  }
}

void Gradients::run(const Task& task, const TreeNode& node, int worker, const MakePass& make_pass) {
  float* const first_leaf = of_leaf(node.leaves.first);
  if (!task.operation)
    return sum_parts(first_leaf + task.range.leaf_offset, plan().leaf_floats, node.leaves.count(),
                     task.range.count, node.sums + task.range.offset);
  Pass pass = make_pass(*task.operation, node.first_block, worker);
  pass.gradients = node.sums;
  pass.leaf_gradients = first_leaf;
  pass.leaf_stride = plan().leaf_floats;
  pass.leaves = node.leaves.count();
  pass.leaf_ends = node.leaf_ends.data();
  network_.nodes()[static_cast<std::size_t>(task.node)].layer->run(pass, Work::weight_gradient, task.task);
}

void Gradients::finish() {
  if (exchange_) exchange_->finish();
}

}  // namespace cnn
