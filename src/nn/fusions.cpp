#include "nn/fusions.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/error.h"

namespace cnn {
namespace {

class Rewriter {
 public:
  Rewriter(Schedule schedule, const Graph& graph, FusionChoice choice)
      : schedule_(std::move(schedule)), graph_(graph), choice_(choice), writers_(graph.nodes().size()) {
    std::iota(writers_.begin(), writers_.end(), 0);
  }

  Schedule rewrite() {
    for (int second = 0; second < static_cast<int>(graph_.nodes().size()); ++second) {
      const int first = leader_of(second);
      if (first < 0) continue;
      if (fits(Fusion::relu_gradient, first, second)) fuse_relu_gradient(first, second);
      if (fits(Fusion::normalize, first, second)) fuse_normalize(first, second);
      if (fits(Fusion::max_pool_2x2, first, second)) fuse_max_pool(first, second);
      if (fits(Fusion::max_pool_gradient, first, second)) fuse_max_pool_gradient(first, second);
    }
    return std::move(schedule_);
  }

 private:
  const Node& node(int n) const { return graph_.nodes()[static_cast<std::size_t>(n)]; }
  /// Whose operation writes y of node n: that of an earlier node, where they are fused.
  int& writer(int n) { return writers_[static_cast<std::size_t>(n)]; }

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

  /// Whether both offer it, whoever does the first's work too, and it is wanted.
  bool fits(Fusion fusion, int first, int second) {
    const Needs &leader = node(first).needs, &writer_of_leader = node(writer(first)).needs;
    return leader.leads.has(fusion) && writer_of_leader.leads.has(fusion) &&
           node(second).needs.follows.has(fusion) &&
           (choice_ == FusionChoice::all || !writer_of_leader.leads_at_a_loss.has(fusion));
  }

  struct Found {
    Stage* stage = nullptr;
    std::vector<Operation>::iterator at;
    explicit operator bool() const { return stage != nullptr; }
    Operation* operator->() const { return &*at; }
    Operation& operator*() const { return *at; }
  };
  template <class Predicate>
  Found find(const Predicate& wanted) {
    for (Stage& stage : schedule_.stages) {
      const auto at = std::ranges::find_if(stage.operations, wanted);
      if (at != stage.operations.end()) return {&stage, at};
    }
    return {};
  }
  /// The call of forward() that writes the node's y.
  Found find_forward(int n) {
    return find([&, by = writer(n)](const Operation& operation) {
      return operation.kind == Operation::Kind::forward && operation.node == by && operation.has(Role::y);
    });
  }
  /// The first call of backward(), if anybody before the node learns.
  Found find_backward(int n) {
    return find([&](const Operation& operation) {
      return operation.kind == Operation::Kind::backward && operation.node == n && operation.phase == 0;
    });
  }

  bool anybody_uses(int buffer) const {
    bool used = false;
    for_each_operation(schedule_, [&](const Operation& operation, int) { used |= operation.uses(buffer); });
    return used;
  }

  /// Only training has a gradient; and where nobody before the second learns there is none to pass on.
  void fuse_relu_gradient(int first, int second) {
    const Found backward = find_backward(first), forward = find_forward(second);
    if (!backward || !forward) return;
    forward->fused.add(Fusion::relu_gradient);
    backward->fused.add(Fusion::relu_gradient);
    (*backward)[Role::y] = -1;
  }

  /// Training has a reduction in between, and another stage begins.
  void fuse_normalize(int first, int second) {
    const Found joined = join(first, second);
    if (!joined) return;
    joined->fused.add(Fusion::normalize);
    joined->normalization = second;
  }

  void fuse_max_pool(int first, int second) {
    const Found pooling = find_forward(second);
    const bool keeps_winners = pooling && !pooling->others.empty();
    const Found joined = join(first, second);
    if (!joined) return;
    joined->fused.add(Fusion::max_pool_2x2);
    if (keeps_winners) (*joined)[Role::winners] = node(second).needs.winners.index;
  }

  /// The second's call of backward() goes. Every call of the first's reads the second's dy and winners.
  void fuse_max_pool_gradient(int first, int second) {
    const Found pooling = find_backward(second);
    if (!pooling || !pooling->has(Role::dx)) return;
    const int own = (*pooling)[Role::dx], read = (*pooling)[Role::dy];
    pooling.stage->operations.erase(pooling.at);
    for (Stage& stage : schedule_.stages)
      for (Operation& operation : stage.operations) {
        if (operation.kind != Operation::Kind::backward || operation.node != first) continue;
        CNN_CHECK(operation[Role::dy] == own, "buffers {} and {}", operation[Role::dy], own);
        operation[Role::dy] = read;
        operation[Role::winners] = node(second).needs.winners.index;
        operation.fused.add(Fusion::max_pool_gradient);
      }
  }

  /// The second's call of forward() goes; the first's does its work. Nothing where they are in two stages, or
  /// somebody else reads the first's y.
  Found join(int first, int second) {
    const Found before = find_forward(first), after = find_forward(second);
    if (!before || !after || before.stage != after.stage) return {};
    const int own = std::exchange((*before)[Role::y], (*after)[Role::y]);
    const int read = std::exchange((*after)[Role::x], -1);
    CNN_CHECK(own == read, "buffers {} and {}", own, read);
    if (anybody_uses(own)) {
      (*before)[Role::y] = (*after)[Role::x] = own;
      return {};
    }
    before->fused.add(after->fused);
    before->others.insert(before->others.end(), after->others.begin(), after->others.end());
    after.stage->operations.erase(after.at);
    writer(second) = writer(first);
    return before;  // it stands before what was erased
  }

  Schedule schedule_;
  const Graph& graph_;
  const FusionChoice choice_;
  std::vector<int> writers_;
};

}  // namespace

Schedule fused(const Schedule& plain, const Graph& graph, FusionChoice choice) {
  return Rewriter(plain, graph, choice).rewrite();
}

}  // namespace cnn
