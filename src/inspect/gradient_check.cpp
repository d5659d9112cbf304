#include "inspect/gradient_check.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <complex>
#include <limits>
#include <set>

#include "core/random.h"
#include "core/text.h"
#include "reference/reference_network.h"

namespace cnn {
namespace {

using Complex = std::complex<double>;

/// Multiply-adds of the reference that a check may cost: some ten seconds on two cores.
constexpr double kMostMacs = 2.5e9;
constexpr std::int64_t kFewestEntries = 2;
/// A tensor whose gradient is small because large terms cancel (a bias before a batch norm: all of it is
/// rounding) is measured against this share of the network's largest gradient.
constexpr double kFloor = 1e-2;
bool holds(const LayerSpec& entry, std::string_view tensor) {
  if (tensor.starts_with(entry.name + ".")) return true;
  const auto* residual = std::get_if<ResidualSpec>(&entry.spec);
  return residual && std::any_of(residual->layers.begin(), residual->layers.end(),
                                 [&](const LayerSpec& inner) { return holds(inner, tensor); });
}

/// What the engine's dropout layers multiplied with, read off their inputs and outputs. Where the input is 0
/// the factor is not known, and it makes no difference.
void read_dropout(const NetworkSpec& spec, const StepTrace& trace, reference::DropoutFactors& factors) {
  for (const LayerSpec& entry : spec) {
    if (const auto* residual = std::get_if<ResidualSpec>(&entry.spec))
      read_dropout(residual->layers, trace, factors);
    const auto* dropout = std::get_if<DropoutSpec>(&entry.spec);
    if (!dropout) continue;
    const auto& nodes = trace.network().nodes();
    for (int n = 0; n < static_cast<int>(nodes.size()); ++n) {
      if (nodes[static_cast<std::size_t>(n)].name != entry.name) continue;
      const auto x = trace.input(n), y = trace.output(n);
      for (std::size_t i = 0; i < x.size(); ++i)
        factors[entry.name].push_back(x[i] != 0 && y[i] == 0 ? 0 : 1 / (1 - dropout->p));
    }
  }
}

/// The plain network, ready to be asked for derivatives of its loss by several workers.
class Reference {
 public:
  Reference(const StepTrace& trace, const NetworkSpec& spec, const ImageBatch& batch)
      : labels_(batch.labels()) {
    for (const Tensor& tensor : trace.network().tensors())
      if (tensor.trainable) parameters_[tensor.name].assign(tensor.values.begin(), tensor.values.end());
    for (const Node& node : trace.network().nodes()) {
      const auto* norm = std::get_if<BatchNormSpec>(&node.spec);
      if (!norm || !norm->control.frozen_statistics) continue;
      for (const char* name : {".running_mean", ".running_var"}) {
        const Tensor& running = *trace.network().find(node.name + name);
        parameters_[running.name].assign(running.values.begin(), running.values.end());
      }
    }
    read_dropout(spec, trace, dropout_);
    reference::Maps<Complex> x(batch.shape(), batch.images());
    x.values.assign(batch.values().begin(), batch.values().end());
    const reference::Network<Complex> network(parameters_, &dropout_);
    for (auto entry = spec.begin(); entry != spec.end(); ++entry) {
      from_.push_back({NetworkSpec(entry, spec.end()), x});
      x = network.forward({*entry}, std::move(x));
    }
    loss_ = reference::cross_entropy(x, labels_, 0).real();
  }

  double loss() const { return loss_; }
  const reference::Parameters<Complex>& parameters() const { return parameters_; }
  std::size_t entry_of(const std::string& tensor) const {
    std::size_t i = 0;
    while (i + 1 < from_.size() && !holds(from_[i].entries.front(), tensor)) ++i;
    return i;
  }

  /// The derivative of the loss in the direction of the parameters' imaginary parts, which reach nothing
  /// before this entry.
  double derivative(const reference::Parameters<Complex>& parameters, std::size_t entry) const {
    const reference::Network<Complex> network(parameters, &dropout_);
    return reference::cross_entropy(network.forward(from_[entry].entries, from_[entry].input), labels_, 0)
               .imag() /
           reference::kStep;
  }

 private:
  /// The network from one entry on, and what goes into it.
  struct Rest {
    NetworkSpec entries;
    reference::Maps<Complex> input;
  };
  const std::vector<std::int32_t>& labels_;
  reference::Parameters<Complex> parameters_;
  reference::DropoutFactors dropout_;
  std::vector<Rest> from_;
  double loss_ = 0;
};

/// Multiply-adds of one evaluation of the reference, and a little for each value, from each entry on.
std::vector<double> costs(const Network& network, const NetworkSpec& spec, int images) {
  std::vector<double> cost(spec.size());
  double sum = 0;
  for (std::size_t i = spec.size(); i-- > 0;) {
    for (const Node& node : network.nodes())
      if (node.path == spec[i].path || node.path.starts_with(spec[i].path + "/"))
        sum += static_cast<double>(node.layer->macs(node.in) + 10 * node.out.values()) * images;
    cost[i] = sum;
  }
  return cost;
}

/// Some entries of a tensor: the largest gradient's, and others at random; all if they are few.
std::vector<std::size_t> entries_to_look_at(std::span<const float> gradient, std::int64_t most,
                                            std::uint32_t number) {
  std::set<std::size_t> entries;
  const auto larger = [](float a, float b) { return std::abs(a) < std::abs(b); };
  entries.insert(static_cast<std::size_t>(std::max_element(gradient.begin(), gradient.end(), larger) -
                                          gradient.begin()));
  const std::size_t wanted = std::min(gradient.size(), static_cast<std::size_t>(most));
  Random random(1, Purpose::split, number);
  for (std::size_t i = 0; i < gradient.size() && wanted == gradient.size(); ++i) entries.insert(i);
  while (entries.size() < wanted) entries.insert(random.below(static_cast<std::uint32_t>(gradient.size())));
  return {entries.begin(), entries.end()};
}

/// One derivative to find out: of an entry, or along the random direction.
struct Question {
  static constexpr std::size_t kDirection = std::numeric_limits<std::size_t>::max();
  std::size_t tensor = 0, entry = kDirection;
  double answer = 0;
};

/// +1 or -1 for every entry of a tensor.
std::vector<double> direction(std::size_t size, std::uint32_t number) {
  Random random(2, Purpose::split, number);
  std::vector<double> signs(size);
  for (double& sign : signs) sign = random.bits() & 1 ? 1 : -1;
  return signs;
}

double length(std::span<const float> values) {
  double sum = 0;
  for (const float v : values) sum += double{v} * v;
  return std::sqrt(sum);
}

/// NaN and infinity are the worst of all errors.
double relative(double difference, double scale) {
  if (!std::isfinite(difference)) return std::numeric_limits<double>::infinity();
  return scale > 0 ? std::abs(difference) / scale : std::abs(difference);
}

}  // namespace

double TensorCheck::error() const { return std::max(entry_error, direction_error); }

double GradientCheck::loss_error() const {
  return relative(engine_loss - reference_loss, std::max(std::abs(reference_loss), 1.0));
}

bool GradientCheck::ok() const {
  return loss_error() < kTolerance && std::all_of(tensors.begin(), tensors.end(), [](const TensorCheck& t) {
           return t.error() < kTolerance;
         });
}

GradientCheck compare_with_reference(const StepTrace& trace, std::span<const float> gradient,
                                     const NetworkSpec& spec, const ImageBatch& batch, ThreadPool& pool,
                                     int most_entries,
                                     const std::function<void(std::int64_t, std::int64_t)>& progress) {
  const Reference reference(trace, spec, batch);
  GradientCheck check;
  check.engine_loss = trace.loss();
  check.reference_loss = reference.loss();

  std::vector<std::span<const float>> gradients;
  std::vector<std::size_t> entry_of;
  std::vector<std::string> names;
  const float* base = trace.network().parameters().data();
  double largest = 0, longest = 0;
  for (const Tensor& tensor : trace.network().tensors()) {
    if (!tensor.trainable) continue;
    names.push_back(tensor.name);
    entry_of.push_back(reference.entry_of(tensor.name));
    gradients.push_back(
        gradient.subspan(static_cast<std::size_t>(tensor.values.data() - base), tensor.values.size()));
    for (const float g : gradients.back()) largest = std::max(largest, std::abs(double{g}));
    longest = std::max(longest, length(gradients.back()));
  }
  const std::vector<double> cost = costs(trace.network(), spec, batch.images());
  double once = 0;
  for (const std::size_t entry : entry_of) once += cost[entry];
  const auto affordable = static_cast<std::int64_t>(kMostMacs / std::max(once, 1.0)) - 1;
  const std::int64_t most = std::clamp<std::int64_t>(affordable, kFewestEntries, most_entries);

  std::vector<Question> questions;
  for (std::size_t t = 0; t < names.size(); ++t) {
    for (const std::size_t entry : entries_to_look_at(gradients[t], most, static_cast<std::uint32_t>(t)))
      questions.push_back({t, entry});
    questions.push_back({t, Question::kDirection});
  }
  std::vector<reference::Parameters<Complex>> own(static_cast<std::size_t>(pool.threads()),
                                                  reference.parameters());
  std::atomic<std::int64_t> done{0};
  pool.parallel_for(static_cast<std::int64_t>(questions.size()), [&](std::int64_t i, int worker) {
    Question& question = questions[static_cast<std::size_t>(i)];
    auto& parameters = own[static_cast<std::size_t>(worker)];
    std::vector<Complex>& values = parameters[names[question.tensor]];
    if (question.entry != Question::kDirection) {
      values[question.entry] += Complex(0, reference::kStep);
    } else {
      const auto signs = direction(values.size(), static_cast<std::uint32_t>(question.tensor));
      for (std::size_t k = 0; k < values.size(); ++k) values[k] += Complex(0, signs[k] * reference::kStep);
    }
    question.answer = reference.derivative(parameters, entry_of[question.tensor]);
    for (Complex& v : values) v = v.real();
    ++done;
    if (progress && worker == 0) progress(done, static_cast<std::int64_t>(questions.size()));
  });

  for (std::size_t t = 0; t < names.size(); ++t) {
    TensorCheck one{.tensor = names[t], .values = static_cast<std::int64_t>(gradients[t].size())};
    for (const float g : gradients[t]) one.largest = std::max(one.largest, std::abs(double{g}));
    double worst = -1;
    for (const Question& question : questions) {
      if (question.tensor != t) continue;
      if (question.entry == Question::kDirection) {
        const auto signs = direction(gradients[t].size(), static_cast<std::uint32_t>(t));
        double along = 0;
        for (std::size_t k = 0; k < signs.size(); ++k) along += signs[k] * double{gradients[t][k]};
        one.direction_error =
            relative(along - question.answer, std::max(length(gradients[t]), kFloor * longest));
        continue;
      }
      ++one.looked_at;
      const double engine = gradients[t][question.entry];
      const double error = relative(engine - question.answer, std::max(one.largest, kFloor * largest));
      if (error <= worst) continue;
      worst = error;
      one.entry_error = error;
      one.worst = static_cast<std::int64_t>(question.entry);
      one.worst_engine = engine;
      one.worst_reference = question.answer;
    }
    check.tensors.push_back(one);
  }
  return check;
}

std::string text_of(const GradientCheck& check) {
  std::size_t width = 9;
  for (const TensorCheck& t : check.tensors) width = std::max(width, printable(t.tensor).size());
  width = std::min<std::size_t>(width, 40);
  std::string text = fmt::format("{:<{}} {:>9} {:>10} {:>10} {:>11} {:>11}\n", "parameter", width, "values",
                                 "looked at", "largest", "error", "direction");
  const TensorCheck* worst = nullptr;
  for (const TensorCheck& t : check.tensors) {
    text += fmt::format("{:<{}} {:>9} {:>10} {:>10.2e} {:>11.1e} {:>11.1e}{}\n", printable(t.tensor), width,
                        with_commas(t.values), t.looked_at, t.largest, t.entry_error, t.direction_error,
                        t.error() < GradientCheck::kTolerance ? "" : "  wrong");
    if (!(t.error() < GradientCheck::kTolerance))
      text += fmt::format("{:<{}} entry {}: the engine says {}, the reference {}\n", "", width, t.worst,
                          exact(t.worst_engine), exact(t.worst_reference));
    if (!worst || t.error() > worst->error()) worst = &t;
  }
  text += fmt::format("{:<{}} the engine's {:.7f}, the reference's {:.7f}: error {:.1e}\n", "loss", width,
                      check.engine_loss, check.reference_loss, check.loss_error());
  if (check.ok())
    return text + fmt::format("ok: every relative error is below {:.0e}{}\n", GradientCheck::kTolerance,
                              worst ? fmt::format("; the largest, {:.1e}, is that of {}", worst->error(),
                                                  printable(worst->tensor))
                                    : "");
  return text + fmt::format("not ok: relative errors above {:.0e}\n", GradientCheck::kTolerance);
}

}  // namespace cnn
