#include "export/plan.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/error.h"
#include "core/text.h"

namespace cnn {
namespace {

/// factor * x + term, in double precision: rounded once, after folding.
struct ChannelMap {
  std::vector<double> factor, term;
};

/// Takes the nodes of a network in their order.
class PlanMaker {
 public:
  PlanMaker(const Network& network, const ExportSource& source, ActivationFolding folding)
      : network_(network), folding_(folding), place_(network.graph().values().size(), -1) {
    plan_.name = source.name;
    plan_.classes = source.classes;
    plan_.image = source.image;
    plan_.mean = source.mean;
    plan_.std = source.std;
    plan_.values = {network.input()};
    place_[0] = 0;
  }

  ExportPlan make() {
    count_readers();
    for (const Node& node : network_.nodes())
      std::visit([&](const auto& spec) { add(node, spec); }, node.spec);
    plan_.output = place_.at(static_cast<std::size_t>(network_.graph().output()));
    check_numbers();
    return std::move(plan_);
  }

 private:
  /// A dropout's output is its input: whoever reads it counts for that.
  void count_readers() {
    const std::size_t values = network_.graph().values().size();
    std::vector<std::size_t> same(values);
    for (std::size_t i = 0; i < values; ++i) same[i] = i;
    readers_.assign(values, 0);
    for (const Node& node : network_.nodes()) {
      const std::size_t x = same[static_cast<std::size_t>(node.x)];
      if (std::holds_alternative<DropoutSpec>(node.spec)) {
        same[static_cast<std::size_t>(node.y)] = x;
        continue;
      }
      ++readers_[x];
      if (node.shortcut >= 0) ++readers_[same[static_cast<std::size_t>(node.shortcut)]];
    }
    for (std::size_t i = 0; i < values; ++i) readers_[i] = readers_[same[i]];
  }

  void add(const Node& node, const ConvSpec& spec) {
    const Window window = node.layer->window(node.in);
    add_step(node, ExportConv{.kernel = window.kernel,
                              .stride = window.stride,
                              .dilation = window.dilation,
                              .before = window.padding,
                              .after = window.padding_after,
                              .groups = window.groups,
                              .weight = tensor(node, "weight"),
                              .bias = bias_of(node, spec.bias)});
    activate(node, {spec.activation});
  }
  void add(const Node& node, const DenseSpec& spec) {
    add_step(node, ExportDense{tensor(node, "weight"), bias_of(node, spec.bias)});
    activate(node, {spec.activation});
  }
  void add(const Node& node, const MaxPoolSpec&) { add_pool(node, ExportPool::Kind::max, true); }
  void add(const Node& node, const AvgPoolSpec& spec) {
    add_pool(node, ExportPool::Kind::average, spec.count_include_pad);
  }
  void add(const Node& node, const GlobalAvgPoolSpec&) {
    const Size2 map{node.in.h, node.in.w};
    add_step(node, ExportPool{.kind = ExportPool::Kind::average,
                              .kernel = map,
                              .stride = map,
                              .padding = {0, 0},
                              .whole_map = true});
  }
  void add(const Node& node, const FlattenSpec&) {
    if (node.in.flat)
      pass_on(node);
    else
      add_step(node, ExportFlatten{});
  }
  void add(const Node& node, const DropoutSpec&) { pass_on(node); }
  void add(const Node& node, const ActivationSpec& spec) {
    pass_on(node);
    activate(node, {spec.function, static_cast<float>(spec.negative_slope)});
  }
  void add(const Node& node, const ScaleSpec& spec) {
    const auto channels = static_cast<std::size_t>(node.in.c);
    const double factor = static_cast<float>(spec.factor);
    add_map(node, {std::vector<double>(channels, factor), std::vector<double>(channels, 0)});
  }
  void add(const Node& node, const BatchNormSpec& spec) {
    const std::vector<float> mean = tensor(node, "running_mean"), variance = tensor(node, "running_var");
    const Tensor *weight = find(node, "weight"), *bias = find(node, "bias");
    ChannelMap map;
    for (std::size_t c = 0; c < mean.size(); ++c) {
      const double scale =
          (weight ? double{weight->values[c]} : 1.0) / std::sqrt(double{variance[c]} + spec.eps);
      map.factor.push_back(scale);
      map.term.push_back((bias ? double{bias->values[c]} : 0.0) - double{mean[c]} * scale);
    }
    add_map(node, map);
    activate(node, {spec.activation});
  }
  void add(const Node& node, const SumSpec& spec) {
    const int shortcut = place_of(node.shortcut);
    add_step(node, ExportSum{});
    plan_.steps.back().shortcut = shortcut;
    activate(node, {spec.activation});
  }

  void add(const Node& node, const ExcitationSpec&) {
    const int shortcut = place_of(node.shortcut);
    add_step(node, ExportProduct{});
    plan_.steps.back().shortcut = shortcut;
  }

  void add_pool(const Node& node, ExportPool::Kind kind, bool count_padding) {
    const Window window = node.layer->window(node.in);
    add_step(node, ExportPool{.kind = kind,
                              .kernel = window.kernel,
                              .stride = window.stride,
                              .padding = window.padding,
                              .count_padding = count_padding});
  }

  void add_step(const Node& node, ExportAction action) {
    ExportStep step;
    step.name = node.name;
    step.action = std::move(action);
    step.x = place_of(node.x);
    step.y = static_cast<int>(plan_.values.size());
    plan_.values.push_back(node.out);
    place_[static_cast<std::size_t>(node.y)] = step.y;
    plan_.steps.push_back(std::move(step));
  }

  void pass_on(const Node& node) { place_[static_cast<std::size_t>(node.y)] = place_of(node.x); }

  /// The step that wrote this node's input, if nobody else reads it and no activation function follows it.
  ExportStep* linear_step_before(const Node& node) {
    if (plan_.steps.empty() || readers_[static_cast<std::size_t>(node.x)] != 1) return nullptr;
    ExportStep& last = plan_.steps.back();
    return last.y == place_of(node.x) && last.activation.none() ? &last : nullptr;
  }

  void add_map(const Node& node, const ChannelMap& map) {
    if (ExportStep* before = linear_step_before(node); before && fold(map, *before)) return pass_on(node);
    ExportAffine affine;
    for (const double factor : map.factor) affine.factor.push_back(static_cast<float>(factor));
    for (const double term : map.term) affine.term.push_back(static_cast<float>(term));
    add_step(node, std::move(affine));
  }

  /// False if the step is of another kind.
  static bool fold(const ChannelMap& map, ExportStep& step) {
    if (auto* conv = std::get_if<ExportConv>(&step.action)) return fold(map, conv->weight, conv->bias);
    if (auto* dense = std::get_if<ExportDense>(&step.action)) return fold(map, dense->weight, dense->bias);
    if (auto* affine = std::get_if<ExportAffine>(&step.action))
      return fold(map, affine->factor, affine->term);
    return false;
  }
  static bool fold(const ChannelMap& map, std::vector<float>& weight, std::vector<float>& bias) {
    const std::size_t each = weight.size() / bias.size();
    for (std::size_t i = 0; i < weight.size(); ++i)
      weight[i] = static_cast<float>(double{weight[i]} * map.factor[i / each]);
    for (std::size_t c = 0; c < bias.size(); ++c)
      bias[c] = static_cast<float>(double{bias[c]} * map.factor[c] + map.term[c]);
    return true;
  }

  /// The function acts on the node's output, whose step was just added or lies before.
  void activate(const Node& node, const Activation& activation) {
    if (activation.none()) return;
    const bool may_fold = folding_ == ActivationFolding::all || activation.rectifier() != Rectifier::none;
    const int value = place_of(node.y);
    // A function that is an entry of its own may not be the only reader of what it reads.
    const bool alone =
        !std::holds_alternative<ActivationSpec>(node.spec) || readers_[static_cast<std::size_t>(node.x)] == 1;
    ExportStep* last = plan_.steps.empty() ? nullptr : &plan_.steps.back();
    if (may_fold && alone && last && last->y == value && last->activation.none() &&
        !std::holds_alternative<ExportFlatten>(last->action)) {
      last->activation = activation;
      return;
    }
    ExportStep step;
    step.name = node.name;
    if (!std::holds_alternative<ActivationSpec>(node.spec))
      step.name += fmt::format(".{}", word_of(activation.function));
    step.action = ExportActivation{};
    step.activation = activation;
    step.x = value;
    step.y = static_cast<int>(plan_.values.size());
    plan_.values.push_back(node.out);
    place_[static_cast<std::size_t>(node.y)] = step.y;
    plan_.steps.push_back(std::move(step));
  }

  int place_of(int value) const { return place_.at(static_cast<std::size_t>(value)); }
  const Tensor* find(const Node& node, const char* what) const {
    return network_.find(node.name + "." + what);
  }
  std::vector<float> tensor(const Node& node, const char* what) const {
    const Tensor* found = find(node, what);
    CNN_CHECK(found, "{} has no {}", node.name, what);
    return {found->values.begin(), found->values.end()};
  }
  std::vector<float> bias_of(const Node& node, bool has_bias) const {
    if (has_bias) return tensor(node, "bias");
    return std::vector<float>(static_cast<std::size_t>(node.out.c), 0.0f);
  }

  void check_numbers() const {
    const auto check = [&](const ExportStep& step, const std::vector<float>& numbers) {
      if (!std::ranges::all_of(numbers, [](float number) { return std::isfinite(number); }))
        fail(
            "layer \"{}\": with its batch norm folded in, a weight is not a finite number; the model's "
            "training went wrong (a running variance near zero, or a huge weight)",
            printable(step.name));
    };
    for (const ExportStep& step : plan_.steps) {
      if (const auto* conv = std::get_if<ExportConv>(&step.action))
        check(step, conv->weight), check(step, conv->bias);
      if (const auto* dense = std::get_if<ExportDense>(&step.action))
        check(step, dense->weight), check(step, dense->bias);
      if (const auto* affine = std::get_if<ExportAffine>(&step.action))
        check(step, affine->factor), check(step, affine->term);
    }
  }

  const Network& network_;
  const ActivationFolding folding_;
  ExportPlan plan_;
  std::vector<int> place_;    // of each value of the graph among those of the plan
  std::vector<int> readers_;  // nodes that read each value of the graph
};

}  // namespace

ExportPlan make_export_plan(const Network& network, const ExportSource& source, ActivationFolding folding) {
  return PlanMaker(network, source, folding).make();
}

std::int64_t macs_of(const ExportPlan& plan, const ExportStep& step) {
  if (const auto* conv = std::get_if<ExportConv>(&step.action))
    return plan.out(step).values() * static_cast<std::int64_t>(conv->weight.size()) / plan.out(step).c;
  if (const auto* dense = std::get_if<ExportDense>(&step.action))
    return static_cast<std::int64_t>(dense->weight.size());
  if (std::holds_alternative<ExportAffine>(step.action)) return plan.out(step).values();
  return 0;
}

std::int64_t macs_of(const ExportPlan& plan) {
  std::int64_t macs = 0;
  for (const ExportStep& step : plan.steps) macs += macs_of(plan, step);
  return macs;
}

std::vector<int> readers_of(const ExportPlan& plan, int value) {
  std::vector<int> readers;
  for (int i = 0; i < static_cast<int>(plan.steps.size()); ++i)
    if (plan.steps[static_cast<std::size_t>(i)].x == value ||
        plan.steps[static_cast<std::size_t>(i)].shortcut == value)
      readers.push_back(i);
  return readers;
}

}  // namespace cnn
