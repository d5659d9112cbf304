#pragma once

#include <vector>

#include "kernels/sum_tree.h"
#include "nn/pass.h"

namespace cnn {

/// The leaves of a batch: runs of its blocks, which the batch alone decides. The gradient of a leaf is summed
/// block by block, the leaves in the order of kernels/sum_tree.h; so the number of workers and of processes,
/// and who takes which leaf, change no bit.
class Leaves {
 public:
  explicit Leaves(int blocks) : blocks_(blocks), count_(std::min(blocks, kMostLeaves)) {}

  int blocks() const { return blocks_; }
  int count() const { return count_; }
  /// The blocks of one leaf, and of a run of leaves.
  Extent blocks_of(int leaf) const { return {border(leaf), border(leaf + 1)}; }
  Extent blocks_of(const Extent& leaves) const { return {border(leaves.first), border(leaves.end)}; }
  /// The leaves of one process of `size`.
  Extent of_process(int rank, int size) const { return {count_ * rank / size, count_ * (rank + 1) / size}; }

 private:
  int border(int leaf) const { return static_cast<int>(std::int64_t{leaf} * blocks_ / count_); }

  int blocks_, count_;
};

/// The nodes of the tree that together are a run of leaves: the fewest, in order. What a process can add by
/// itself.
std::vector<Extent> tree_nodes(const Extent& leaves);

/// Whether two neighbors in a tree of `count` leaves are the children of one node.
bool are_siblings(const Extent& left, const Extent& right, int count);

}  // namespace cnn
