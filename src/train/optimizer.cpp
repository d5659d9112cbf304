#include "train/optimizer.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "core/chunks.h"
#include "core/error.h"
#include "core/portable_math.h"

namespace cnn {
namespace {

ElementwiseSpec elementwise(const OptimizerSpec& spec) {
  struct Visitor {
    ElementwiseSpec operator()(const SgdSpec& s) const { return s; }
    ElementwiseSpec operator()(const AdamSpec& s) const { return s; }
    ElementwiseSpec operator()(const MuonSpec& s) const { return s.others; }
  };
  return std::visit(Visitor{}, spec);
}

/// Buffers of the size of the parameters.
int slots_of(const OptimizerSpec& spec) {
  struct Visitor {
    int operator()(const SgdSpec& sgd) const { return sgd.momentum != 0 ? 1 : 0; }
    int operator()(const AdamSpec&) const { return 2; }
    int operator()(const MuonSpec& muon) const { return std::max(std::visit(*this, muon.others), 1); }
  };
  return std::visit(Visitor{}, spec);
}

/// The step number `t`, from 1, of a group of parameters.
SgdStep step_of(const SgdSpec& sgd, double rate, double decay_scale, float gradient_scale, std::int64_t t) {
  return {.learning_rate = static_cast<float>(rate),
          .momentum = static_cast<float>(sgd.momentum),
          .weight_decay = static_cast<float>(sgd.weight_decay * decay_scale),
          .gradient_scale = gradient_scale,
          .nesterov = sgd.nesterov,
          .first = t == 1};
}

AdamStep step_of(const AdamSpec& adam, double rate, double decay_scale, float gradient_scale,
                 std::int64_t number) {
  const auto t = static_cast<double>(number);
  const auto [beta1, beta2] = adam.betas;
  const double decay = adam.weight_decay * decay_scale;
  return {.step_size = static_cast<float>(rate / (1 - portable_pow(beta1, t))),
          .sqrt_correction2 = static_cast<float>(std::sqrt(1 - portable_pow(beta2, t))),
          .beta1 = static_cast<float>(beta1),
          .one_minus_beta1 = static_cast<float>(1 - beta1),
          .beta2 = static_cast<float>(beta2),
          .one_minus_beta2 = static_cast<float>(1 - beta2),
          .eps = static_cast<float>(adam.eps),
          .coupled_decay = adam.decoupled_decay ? 0.0f : static_cast<float>(decay),
          .decay_factor = adam.decoupled_decay ? static_cast<float>(1 - rate * decay) : 1.0f,
          .gradient_scale = gradient_scale};
}

/// The numbers of a piece: gradients, parameters, and what the optimizer remembers of them, if anything.
struct Numbers {
  std::int64_t count;
  const float* g;
  float *w, *m, *v;
};
void take(const SgdStep& step, const Numbers& n) { sgd_step(step, n.count, n.g, n.w, n.m); }
void take(const AdamStep& step, const Numbers& n) { adam_step(step, n.count, n.g, n.w, n.m, n.v); }

std::int64_t offset_of(const Tensor& tensor, const Network& network) {
  return tensor.values.data() - network.parameters().data();
}

}  // namespace

std::vector<Muon::Matrix> Optimizer::matrices_of(const Network& network) {
  std::vector<Muon::Matrix> matrices;
  for (const Tensor& tensor : network.tensors())
    if (tensor.trainable && tensor.shape.size() == 4)
      matrices.push_back({offset_of(tensor, network), static_cast<int>(tensor.shape[0]),
                          static_cast<int>(tensor.shape[1] * tensor.shape[2] * tensor.shape[3])});
  return matrices;
}

Optimizer::Optimizer(const OptimizerSpec& spec, Network& network, std::optional<double> clip_norm)
    : spec_(spec), elementwise_(elementwise(spec)), clip_norm_(clip_norm) {
  const std::int64_t floats = network.parameter_floats();
  const int slots = slots_of(spec);
  if (slots >= 1) first_ = AlignedBuffer(floats);
  if (slots >= 2) second_ = AlignedBuffer(floats);
  const std::vector<Muon::Matrix> matrices = matrices_of(network);
  if (const auto* muon = std::get_if<MuonSpec>(&spec)) muon_.emplace(*muon, matrices);
  auto matrix = matrices.begin();

  // Neighbors with the same settings, and the padding behind them, are one range.
  const bool decay_all = std::visit([](const auto& s) { return s.decay_norm_and_bias; }, elementwise_);
  std::int64_t first = 0;
  std::optional<std::size_t> group;
  for (const Tensor& tensor : network.tensors()) {
    if (!tensor.trainable) continue;
    const bool is_matrix = tensor.shape.size() == 4, is_muon = muon_ && is_matrix;
    ParameterControl control = tensor.control;
    if (!decay_all && tensor.shape.size() == 1) control.weight_decay_scale = 0;
    const std::size_t next = group_of(control, is_muon);
    if (is_muon) muon_tasks_.push_back({*matrix, next});
    if (is_matrix) ++matrix;
    if (next == group) continue;
    if (group) add_pieces(first, offset_of(tensor, network), *group);
    first = offset_of(tensor, network);
    group = next;
  }
  if (group) add_pieces(first, floats, *group);
  squares_.resize(pieces_.size());
}

std::size_t Optimizer::group_of(const ParameterControl& control, bool is_muon) {
  const auto known = std::ranges::find_if(
      groups_, [&](const Group& group) { return group.control == control && group.is_muon == is_muon; });
  if (known != groups_.end()) return static_cast<std::size_t>(known - groups_.begin());
  groups_.push_back({.control = control, .is_muon = is_muon, .rule = {}});
  return groups_.size() - 1;
}

void Optimizer::add_pieces(std::int64_t first, std::int64_t end, std::size_t group) {
  for (; first < end; first += kChunk) pieces_.push_back({first, std::min(kChunk, end - first), group});
}

double Optimizer::base_learning_rate() const { return learning_rate_of(spec_); }

std::int64_t Optimizer::bytes(const OptimizerSpec& spec, const Network& network) {
  return moment_bytes(spec, network.parameter_floats()) +
         (std::holds_alternative<MuonSpec>(spec) ? Muon::bytes(matrices_of(network)) : 0);
}

std::int64_t Optimizer::moment_bytes(const OptimizerSpec& spec, std::int64_t parameters) {
  return slots_of(spec) * parameters * static_cast<std::int64_t>(sizeof(float));
}

void Optimizer::list_state(StateParts& parts) {
  for (std::size_t i = 0; i < groups_.size(); ++i)
    parts.add(fmt::format("optimizer.steps.{}", i), groups_[i].steps);
  parts.add("optimizer.first", first_.span());
  parts.add("optimizer.second", second_.span());
}

/// The factor that brings the gradients to clip_norm_, at most 1.
float Optimizer::gradient_scale(std::span<const float> gradients, ThreadPool& pool) {
  if (!clip_norm_) return 1;
  for_each_in_chunks(std::ssize(gradients), pool, pieces_, &Piece::first, [&](const Piece& piece) {
    squares_[static_cast<std::size_t>(&piece - pieces_.data())] =
        groups_[piece.group].active ? sum_of_squares(piece.count, gradients.data() + piece.first) : 0;
  });
  double sum = 0;
  for (const double square : squares_) sum += square;
  const double scale = *clip_norm_ / (std::sqrt(sum) + 1e-6);
  return scale < 1 ? static_cast<float>(scale) : 1.0f;
}

void Optimizer::prepare(Group& group, double factor, float gradient_scale) const {
  ++group.steps;
  const double base = group.is_muon ? base_learning_rate()
                                    : std::visit([](const auto& s) { return s.learning_rate; }, elementwise_);
  group.rate = base * factor * group.control.learning_rate_scale;
  if (group.is_muon) return;
  const double decay_scale = group.control.weight_decay_scale;
  group.rule = std::visit(
      [&](const auto& s) -> std::variant<SgdStep, AdamStep> {
        return step_of(s, group.rate, decay_scale, gradient_scale, group.steps);
      },
      elementwise_);
}

void Optimizer::step(double factor, int epoch, std::span<const float> gradients, std::span<float> parameters,
                     ThreadPool& pool) {
  for (Group& group : groups_) group.active = group.control.trainable.contains(epoch);
  const float scale = gradient_scale(gradients, pool);
  for (Group& group : groups_)
    if (group.active) prepare(group, factor, scale);
  for_each_in_chunks(std::ssize(parameters), pool, pieces_, &Piece::first, [&](const Piece& piece) {
    const auto& [first, count, number] = piece;
    const Group& group = groups_[number];
    if (!group.active || group.is_muon) return;
    const auto remembered = [at = first](AlignedBuffer& buffer) {
      return buffer.data() ? buffer.data() + at : nullptr;
    };
    const Numbers numbers{count, gradients.data() + first, parameters.data() + first, remembered(first_),
                          remembered(second_)};
    std::visit([&](const auto& rule) { take(rule, numbers); }, group.rule);
  });
  for (const auto& [matrix, number] : muon_tasks_) {
    const Group& group = groups_[number];
    if (group.active)
      muon_->step(matrix, group.rate, group.control.weight_decay_scale, scale, gradients.data(),
                  parameters.data(), first_.data(), pool);
  }
}

}  // namespace cnn
