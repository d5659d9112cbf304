#include "nn/schedule.h"

#include <algorithm>

#include "core/block.h"

namespace cnn {
namespace {

Buffer maps(const Shape& shape, const Halo& halo) {
  Buffer buffer{.c = shape.c, .h = shape.h, .w = shape.w, .halo = halo};
  buffer.floats = shape.c * Pitches::of(shape, halo).plane * kLanes;
  return buffer;
}

Buffer array(std::int64_t floats) { return {.floats = floats}; }

class ScheduleMaker {
 public:
  ScheduleMaker(const Graph& graph, const ParameterPlan& plan, const ScheduleRequest& request)
      : graph_(graph),
        training_(request.training),
        route_(request.route),
        activations_(graph.values().size()),
        gradients_(graph.values().size()),
        dx_(graph.nodes().size(), -1),
        dshortcut_(graph.nodes().size(), -1) {
    // Saved buffers keep the numbers that the layers know them by.
    for (const std::int64_t floats : plan.saved_floats) add(array(floats));
    add_activations();
    probabilities_ = add(array(std::int64_t{graph.classes()} * kLanes));
    if (training_) add_gradients(request.input_gradient);
  }

  Schedule make() {
    made_.stages.emplace_back();
    push(Operation::Kind::fill)[Role::y] = activations_[node(route_.first).x];
    const int end = route_.end < 0 ? count() : route_.end;
    for (int n = route_.first; n < end; ++n) add_forward(n);
    if (route_.end < 0)
      add_loss();
    else
      push(Operation::Kind::deliver)[Role::x] = activations_[node(end - 1).y];
    made_.forward_stages = made_.stages.size();
    for (int n = count() - 1; n >= route_.first && training_; --n)
      if (wanted_[node(n).y]) add_backward(n);
    number_operations();
    return std::move(made_);
  }

 private:
  int count() const { return static_cast<int>(graph_.nodes().size()); }
  const Node& node(int n) const { return graph_.nodes()[static_cast<std::size_t>(n)]; }

  int add(const Buffer& buffer) {
    made_.buffers.push_back(buffer);
    return static_cast<int>(made_.buffers.size()) - 1;
  }

  /// One for each value, with a halo that serves all its readers.
  void add_activations() {
    std::vector<Halo> halos(graph_.values().size());
    for (const Node& reader : graph_.nodes())
      halos[reader.x] = Halo::cover(halos[reader.x], reader.needs.x_halo);
    for (std::size_t v = 0; v < halos.size(); ++v) activations_[v] = add(maps(graph_.values()[v], halos[v]));
  }

  /// One for each value and reader; the first of a value becomes the sum, and has the halo. None where nobody
  /// before it learns.
  void add_gradients(bool of_input) {
    logits_gradient_ = add(array(std::int64_t{graph_.classes()} * kLanes));
    const std::size_t values = graph_.values().size();
    wanted_.assign(values, false);
    wanted_[0] = of_input;
    std::vector<Halo> halos(values);
    for (int number = 0; number < count(); ++number) {
      const Node& n = node(number);
      const bool learns = n.learns && number >= std::max(route_.first, route_.learns_from);
      halos[n.y] = n.needs.dy_halo;
      wanted_[n.y] = learns || wanted_[n.x] || (n.shortcut >= 0 && wanted_[n.shortcut]);
    }
    const int last = graph_.output();
    for (int v = 0; v < static_cast<int>(values); ++v) {
      if (!wanted_[v] && v != last) continue;
      std::vector<int>& parts = gradients_[v];
      const auto add_part = [&] {
        parts.push_back(add(maps(graph_.values()[v], parts.empty() ? halos[v] : Halo{})));
        return parts.back();
      };
      if (v == last) add_part();
      for (int n = 0; n < count(); ++n) {
        if (node(n).x == v) dx_[n] = add_part();
        if (node(n).shortcut == v) dshortcut_[n] = add_part();
      }
    }
  }

  Operation& push(Operation::Kind kind, int n = -1, int phase = 0) {
    return made_.stages.back().operations.emplace_back(kind, n, phase);
  }

  /// Work on all blocks: the stage ends before it.
  Operation& cut(Work work, int n) {
    made_.stages.emplace_back();
    Operation& operation =
        made_.stages[made_.stages.size() - 2].batch_wide.emplace(Operation::Kind::batch_wide, n);
    operation.work = work;
    return operation;
  }

  void number_operations() {
    int time = 0;
    for (Stage& stage : made_.stages) {
      for (Operation& operation : stage.operations) operation.time = time++;
      if (stage.batch_wide) stage.batch_wide->time = time++;
    }
    for (Operation& operation : made_.weight_gradients) operation.time = time;  // all at once
    made_.times = time + 1;
  }

  std::vector<int> saved(int n) const {
    std::vector<int> numbers;
    if (training_)
      for (const BufferId id : node(n).saved) numbers.push_back(id.index);
    return numbers;
  }

  void add_forward(int n) {
    const Needs& needs = node(n).needs;
    const auto push_phase = [&](int phase, bool last) {
      Operation& operation = push(Operation::Kind::forward, n, phase);
      operation[Role::x] = activations_[node(n).x];
      if (node(n).shortcut >= 0) operation[Role::shortcut] = activations_[node(n).shortcut];
      if (last) operation[Role::y] = activations_[node(n).y];
      operation.others = saved(n);
    };
    if (needs.two_phases && training_) {
      push_phase(0, false);
      cut(Work::reduce_forward, n);
    }
    if (needs.batch_wide_passes) {
      Operation& all = cut(Work::forward, n);
      all[Role::x] = activations_[node(n).x];
      all[Role::y] = activations_[node(n).y];
      all.others = saved(n);
    }
    push_phase(needs.two_phases || needs.batch_wide_passes ? 1 : 0, true);
  }

  void add_loss() {
    Operation& loss = push(Operation::Kind::loss);
    loss[Role::x] = activations_[graph_.output()];
    loss[Role::y] = probabilities_;
    if (!training_) return;
    loss[Role::dx] = gradients_[graph_.output()][0];
    loss.others = {logits_gradient_};
  }

  void add_backward(int n) {
    const Needs& needs = node(n).needs;
    const std::vector<int>& parts = gradients_[node(n).y];
    const int dy = parts[0];
    if (parts.size() > 1) {
      Operation& sum = push(Operation::Kind::accumulate);
      sum[Role::dy] = dy;
      sum.others.assign(parts.begin() + 1, parts.end());
    }
    const bool two = needs.two_phases || needs.dx_in_phase1;
    const auto push_phase = [&](int phase, bool last) {
      Operation& operation = push(Operation::Kind::backward, n, phase);
      if (phase == 0 ? needs.backward_reads_x : needs.phase1_reads_x)
        operation[Role::x] = activations_[node(n).x];
      if (phase == 0 && needs.backward_reads_y) operation[Role::y] = activations_[node(n).y];
      operation[Role::dy] = dy;
      operation.others = saved(n);
      if (!last) return;
      operation[Role::dx] = dx_[n];
      operation[Role::dshortcut] = dshortcut_[n];
    };
    push_phase(0, !two && !needs.batch_wide_passes);
    if (needs.batch_wide_passes && dx_[n] >= 0) {
      Operation& all = cut(Work::backward, n);
      all[Role::dy] = dy;
      all[Role::dx] = dx_[n];
    }
    if (needs.two_phases) cut(Work::reduce_backward, n);
    if (two && !needs.batch_wide_passes && dx_[n] >= 0) push_phase(1, true);
    if (node(n).layer->tasks(Work::weight_gradient) == 0) return;
    Operation& gradient = made_.weight_gradients.emplace_back(Operation::Kind::batch_wide, n);
    gradient.work = Work::weight_gradient;
    if (!needs.batch_wide_gradient) return;
    gradient[Role::x] = activations_[node(n).x];
    gradient[Role::dy] = dy;
  }

  const Graph& graph_;
  const bool training_;
  const Route route_;
  Schedule made_;
  // Numbers of buffers. Training only: logits_gradient_, gradients_, and of each node dx_, dshortcut_ (or
  // -1).
  int probabilities_ = -1, logits_gradient_ = -1;
  std::vector<int> activations_;             ///< of each value
  std::vector<std::vector<int>> gradients_;  ///< of each value, one for each reader; the first is the sum
  std::vector<int> dx_, dshortcut_;
  std::vector<bool> wanted_;  ///< does anybody before a value learn from its gradient?
};

}  // namespace

bool Operation::uses(int buffer) const {
  return std::ranges::find(roles, buffer) != roles.end() || std::ranges::find(others, buffer) != others.end();
}

Schedule make_schedule(const Graph& graph, const ParameterPlan& plan, const ScheduleRequest& request) {
  return ScheduleMaker(graph, plan, request).make();
}

void for_each_operation(const Schedule& schedule,
                        const std::function<void(const Operation& operation, int stage)>& visit) {
  int number = 0;
  for (const Stage& stage : schedule.stages) {
    for (const Operation& operation : stage.operations) visit(operation, number);
    if (stage.batch_wide) visit(*stage.batch_wide, number + 1);
    number += 2;
  }
  for (const Operation& operation : schedule.weight_gradients) visit(operation, number);
}

double moved_bytes(const Schedule& schedule, const Operation& operation) {
  double floats = 0;
  const auto add = [&](int buffer) {
    if (buffer >= 0) floats += static_cast<double>(schedule.buffers[static_cast<std::size_t>(buffer)].floats);
  };
  for (const int buffer : operation.roles) add(buffer);
  for (const int buffer : operation.others)
    if (std::ranges::find(operation.roles, buffer) == operation.roles.end()) add(buffer);
  return floats * sizeof(float);
}

bool has_input_gradient(const Schedule& schedule, int node) {
  bool found = false;
  for_each_operation(schedule, [&](const Operation& operation, int) {
    found |= operation.node == node && operation.has(Role::dx);
  });
  return found;
}

}  // namespace cnn
