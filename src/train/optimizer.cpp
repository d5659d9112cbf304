#include "train/optimizer.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace cnn {
namespace {

/// Numbers in one task: small enough to share out a LeNet, large enough to be worth a task.
constexpr std::int64_t kChunk = 8192;

int slots_of(const OptimizerSpec& spec) {
  const auto* sgd = std::get_if<SgdSpec>(&spec);
  return !sgd ? 2 : sgd->momentum != 0 ? 1 : 0;
}

SgdStep sgd_step_of(const SgdSpec& sgd, double rate, double decay_scale, bool first) {
  return {.learning_rate = static_cast<float>(rate),
          .momentum = static_cast<float>(sgd.momentum),
          .weight_decay = static_cast<float>(sgd.weight_decay * decay_scale),
          .nesterov = sgd.nesterov,
          .first = first};
}

/// t: number of this step, from 1.
AdamStep adam_step_of(const AdamSpec& adam, double rate, double decay_scale, double t) {
  const auto [beta1, beta2] = adam.betas;
  const double decay = adam.weight_decay * decay_scale;
  return {.step_size = static_cast<float>(rate / (1 - std::pow(beta1, t))),
          .sqrt_correction2 = static_cast<float>(std::sqrt(1 - std::pow(beta2, t))),
          .beta1 = static_cast<float>(beta1),
          .one_minus_beta1 = static_cast<float>(1 - beta1),
          .beta2 = static_cast<float>(beta2),
          .one_minus_beta2 = static_cast<float>(1 - beta2),
          .eps = static_cast<float>(adam.eps),
          .coupled_decay = adam.decoupled_decay ? 0.0f : static_cast<float>(decay),
          .decay_factor = adam.decoupled_decay ? static_cast<float>(1 - rate * decay) : 1.0f};
}

}  // namespace

Optimizer::Optimizer(const OptimizerSpec& spec, Network& network) : spec_(spec) {
  const std::int64_t floats = network.parameter_floats();
  const int slots = slots_of(spec);
  if (slots >= 1) first_ = AlignedBuffer(floats);
  if (slots >= 2) second_ = AlignedBuffer(floats);

  // Neighbors with the same settings, and the padding behind them, are one range.
  const bool decay_all = std::visit([](const auto& s) { return s.decay_norm_and_bias; }, spec);
  std::int64_t first = 0;
  std::size_t group = 0;
  for (const Tensor& tensor : network.tensors()) {
    if (!tensor.trainable) continue;
    ParameterControl control = tensor.control;
    if (!decay_all && tensor.shape.size() == 1) control.weight_decay_scale = 0;
    const std::int64_t offset = tensor.values.data() - network.parameters().data();
    const std::size_t next = group_of(control);
    if (next != group) {
      add_chunks(first, offset, group);
      first = offset;
      group = next;
    }
  }
  add_chunks(first, floats, group);
}

std::size_t Optimizer::group_of(const ParameterControl& control) {
  const auto known = std::ranges::find(groups_, control, &Group::control);
  if (known != groups_.end()) return static_cast<std::size_t>(known - groups_.begin());
  groups_.push_back({.control = control, .sgd = {}, .adam = {}});
  return groups_.size() - 1;
}

void Optimizer::add_chunks(std::int64_t first, std::int64_t end, std::size_t group) {
  for (; first < end; first += kChunk) chunks_.push_back({first, std::min(kChunk, end - first), group});
}

double Optimizer::base_learning_rate() const {
  return std::visit([](const auto& spec) { return spec.learning_rate; }, spec_);
}

std::int64_t Optimizer::bytes(const OptimizerSpec& spec, std::int64_t parameter_floats) {
  return slots_of(spec) * parameter_floats * static_cast<std::int64_t>(sizeof(float));
}

void Optimizer::list_state(StateParts& parts) {
  for (std::size_t i = 0; i < groups_.size(); ++i)
    parts.add(fmt::format("optimizer.steps.{}", i), groups_[i].steps);
  parts.add("optimizer.first", first_.span());
  parts.add("optimizer.second", second_.span());
}

void Optimizer::prepare(Group& group, double rate) const {
  rate *= group.control.learning_rate_scale;
  ++group.steps;
  if (const auto* sgd = std::get_if<SgdSpec>(&spec_))
    group.sgd = sgd_step_of(*sgd, rate, group.control.weight_decay_scale, group.steps == 1);
  else
    group.adam = adam_step_of(std::get<AdamSpec>(spec_), rate, group.control.weight_decay_scale,
                              static_cast<double>(group.steps));
}

void Optimizer::step(double factor, int epoch, std::span<const float> gradients, std::span<float> parameters,
                     ThreadPool& pool) {
  for (Group& group : groups_) {
    group.active = group.control.trainable.contains(epoch);
    if (group.active) prepare(group, base_learning_rate() * factor);
  }
  const bool is_sgd = std::holds_alternative<SgdSpec>(spec_);
  pool.parallel_for(static_cast<std::int64_t>(chunks_.size()), [&](std::int64_t i, int) {
    const auto& [first, count, number] = chunks_[static_cast<std::size_t>(i)];
    const Group& group = groups_[number];
    if (!group.active) return;
    const float* g = gradients.data() + first;
    float* w = parameters.data() + first;
    float* m = first_.data() ? first_.data() + first : nullptr;
    if (is_sgd)
      sgd_step(group.sgd, count, g, w, m);
    else
      adam_step(group.adam, count, g, w, m, second_.data() + first);
  });
}

}  // namespace cnn
