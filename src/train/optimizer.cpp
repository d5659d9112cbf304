#include "train/optimizer.h"

#include <algorithm>
#include <cmath>

#include "kernels/optimizer.h"

namespace cnn {
namespace {

/// Numbers in one task: small enough to share out a LeNet, large enough to be worth a task.
constexpr std::int64_t kChunk = 8192;

int slots_of(const OptimizerSpec& spec) {
  const auto* sgd = std::get_if<SgdSpec>(&spec);
  return !sgd ? 2 : sgd->momentum != 0 ? 1 : 0;
}

}  // namespace

Optimizer::Optimizer(const OptimizerSpec& spec, std::int64_t parameter_floats) : spec_(spec) {
  const int slots = slots_of(spec);
  if (slots >= 1) first_ = AlignedBuffer(parameter_floats);
  if (slots >= 2) second_ = AlignedBuffer(parameter_floats);
}

double Optimizer::base_learning_rate() const {
  return std::visit([](const auto& spec) { return spec.learning_rate; }, spec_);
}

std::int64_t Optimizer::bytes(const OptimizerSpec& spec, std::int64_t parameter_floats) {
  return slots_of(spec) * parameter_floats * static_cast<std::int64_t>(sizeof(float));
}

void Optimizer::list_state(StateParts& parts) {
  parts.add("optimizer.steps", steps_);
  parts.add("optimizer.first", first_.span());
  parts.add("optimizer.second", second_.span());
}

void Optimizer::step(double factor, std::span<const float> gradients, std::span<float> parameters,
                     ThreadPool& pool) {
  const double rate = base_learning_rate() * factor;
  ++steps_;
  const auto total = static_cast<std::int64_t>(parameters.size());
  const auto chunks = (total + kChunk - 1) / kChunk;
  const auto in_chunks = [&](const auto& body) {
    pool.parallel_for(chunks, [&](std::int64_t chunk, int) {
      const std::int64_t first = chunk * kChunk;
      body(first, std::min(kChunk, total - first));
    });
  };
  if (const auto* sgd = std::get_if<SgdSpec>(&spec_)) {
    const SgdStep step{.learning_rate = static_cast<float>(rate),
                       .momentum = static_cast<float>(sgd->momentum),
                       .weight_decay = static_cast<float>(sgd->weight_decay),
                       .nesterov = sgd->nesterov,
                       .first = steps_ == 1};
    in_chunks([&](std::int64_t first, std::int64_t count) {
      sgd_step(step, count, gradients.data() + first, parameters.data() + first,
               first_.data() ? first_.data() + first : nullptr);
    });
    return;
  }
  const AdamSpec& adam = std::get<AdamSpec>(spec_);
  const double t = static_cast<double>(steps_);
  const auto [beta1, beta2] = adam.betas;
  const AdamStep step{
      .step_size = static_cast<float>(rate / (1 - std::pow(beta1, t))),
      .sqrt_correction2 = static_cast<float>(std::sqrt(1 - std::pow(beta2, t))),
      .beta1 = static_cast<float>(beta1),
      .one_minus_beta1 = static_cast<float>(1 - beta1),
      .beta2 = static_cast<float>(beta2),
      .one_minus_beta2 = static_cast<float>(1 - beta2),
      .eps = static_cast<float>(adam.eps),
      .coupled_decay = adam.decoupled_decay ? 0.0f : static_cast<float>(adam.weight_decay),
      .decay_factor = adam.decoupled_decay ? static_cast<float>(1 - rate * adam.weight_decay) : 1.0f};
  in_chunks([&](std::int64_t first, std::int64_t count) {
    adam_step(step, count, gradients.data() + first, parameters.data() + first, first_.data() + first,
              second_.data() + first);
  });
}

}  // namespace cnn
