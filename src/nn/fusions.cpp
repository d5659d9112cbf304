#include "nn/fusions.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "kernels/weighted_sum.h"

namespace cnn {
namespace {

class Rewriter {
 public:
  Rewriter(Schedule schedule, const Graph& graph, FusionChoice choice)
      : schedule_(std::move(schedule)),
        graph_(graph),
        with_pooling_(choice == FusionChoice::all || pooling_pays()) {}

  Schedule rewrite() {
    for (int second = 0; second < static_cast<int>(graph_.nodes().size()); ++second) {
      const int first = leader_of(second);
      if (first < 0) continue;
      if (both_offer(Fusion::relu_gradient, first, second)) fuse_relu_gradient(first, second);
      if (both_offer(Fusion::max_pool_2x2, first, second) && with_pooling_) fuse_max_pool(first, second);
    }
    return std::move(schedule_);
  }

 private:
  const Node& node(int n) const { return graph_.nodes()[static_cast<std::size_t>(n)]; }

  /// The node whose output this one reads, and nobody else. -1: there is none.
  int leader_of(int second) const {
    const int value = node(second).x;
    int readers = 0, writer = -1;
    for (int n = 0; n < static_cast<int>(graph_.nodes().size()); ++n) {
      readers += (node(n).x == value) + (node(n).shortcut == value);
      if (node(n).y == value) writer = n;
    }
    return readers == 1 ? writer : -1;
  }

  bool both_offer(Fusion fusion, int first, int second) const {
    return node(first).needs.leads.has(fusion) && node(second).needs.follows.has(fusion);
  }

  struct Found {
    Stage* stage = nullptr;
    std::vector<Operation>::iterator at;
    explicit operator bool() const { return stage != nullptr; }
    Operation* operator->() const { return &*at; }
    Operation& operator*() const { return *at; }
  };
  /// The operation of this kind for this node, in its first phase. Nothing if there is none.
  Found find(Operation::Kind kind, int n) {
    for (Stage& stage : schedule_.stages)
      for (auto at = stage.operations.begin(); at != stage.operations.end(); ++at)
        if (at->kind == kind && at->node == n && at->phase == 0) return {&stage, at};
    return {};
  }

  bool anybody_uses(int buffer) const {
    bool used = false;
    for_each_operation(schedule_, [&](const Operation& operation, int) { used |= operation.uses(buffer); });
    return used;
  }

  /// Only training has a gradient; and where nobody before the second learns there is none to pass on.
  void fuse_relu_gradient(int first, int second) {
    const Found backward = find(Operation::Kind::backward, first),
                forward = find(Operation::Kind::forward, second);
    if (!backward || !forward) return;
    forward->fused.add(Fusion::relu_gradient);
    backward->fused.add(Fusion::relu_gradient);
    (*backward)[Role::y] = -1;
  }

  /// The pooling's forward operation goes; the convolution's does its work.
  void fuse_max_pool(int first, int second) {
    const Found before = find(Operation::Kind::forward, first),
                pooling = find(Operation::Kind::forward, second);
    if (!before || !pooling || before.stage != pooling.stage) return;
    const int own = std::exchange((*before)[Role::y], (*pooling)[Role::y]);
    const int read = std::exchange((*pooling)[Role::x], -1);
    CNN_CHECK(own == read, "buffers {} and {}", own, read);
    if (anybody_uses(own)) {  // a backward pass reads it: everything as it was
      (*before)[Role::y] = (*pooling)[Role::x] = own;
      return;
    }
    if (!pooling->others.empty()) (*before)[Role::winners] = node(second).needs.winners.index;
    before->fused.add(Fusion::max_pool_2x2);
    before->fused.add(pooling->fused);
    before->others.insert(before->others.end(), pooling->others.begin(), pooling->others.end());
    pooling.stage->operations.erase(pooling.at);
  }

  Schedule schedule_;
  const Graph& graph_;
  const bool with_pooling_;
};

}  // namespace

Schedule fused(const Schedule& plain, const Graph& graph, FusionChoice choice) {
  return Rewriter(plain, graph, choice).rewrite();
}

}  // namespace cnn
