#include "train/learning_rate_sweep.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <variant>

#include "core/portable_math.h"

namespace cnn {
namespace {

/// The sweep ends when the loss, averaged over the last steps, is this many times the least so far: from
/// there on it only grows.
constexpr double kDiverged = 3;
constexpr double kAverageDecay = 0.8;
constexpr std::size_t kStepsToJudge = 10;

/// Smoothing looks at so many steps on each side, with weights of a bell whose width is a third of it.
constexpr int kReach = 6;

/// A training of many steps tolerates only smaller rates than the few steps of a sweep: a tenth is the usual
/// rule (fastai's lr_find calls it "minimum").
constexpr double kPartOfLeast = 0.1;

/// A fall of the loss that is less than this part of it is noise.
constexpr double kLeastFall = 0.02;

void scale(SgdSpec& spec, double factor) { spec.learning_rate *= factor; }
void scale(AdamSpec& spec, double factor) { spec.learning_rate *= factor; }
void scale(MuonSpec& spec, double factor) {
  spec.learning_rate *= factor;
  std::visit([&](auto& others) { scale(others, factor); }, spec.others);
}

/// The median of each value and its neighbors: one bad batch is not a trend.
std::vector<double> medians(const std::vector<double>& values) {
  constexpr std::size_t kNeighbors = 2;
  std::vector<double> result;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t reach = std::min({kNeighbors, i, values.size() - 1 - i});
    std::vector<double> some(values.begin() + static_cast<std::ptrdiff_t>(i - reach),
                             values.begin() + static_cast<std::ptrdiff_t>(i + reach + 1));
    std::nth_element(some.begin(), some.begin() + static_cast<std::ptrdiff_t>(reach), some.end());
    result.push_back(some[reach]);
  }
  return result;
}

std::vector<double> smooth(const std::vector<double>& losses) {
  const std::vector<double> values = medians(losses);
  const int count = static_cast<int>(values.size());
  std::vector<double> result;
  for (int i = 0; i < count; ++i) {
    double sum = 0, weights = 0;
    for (int j = std::max(0, i - kReach); j <= std::min(count - 1, i + kReach); ++j) {
      const double distance = 3.0 * (j - i) / kReach;
      const double weight = portable_exp(-distance * distance / 2);
      sum += weight * values[static_cast<std::size_t>(j)];
      weights += weight;
    }
    result.push_back(sum / weights);
  }
  return result;
}

/// 1, 1.5, 2, 3, 5 or 7 times a power of ten.
double rounded(double rate) {
  const double power = portable_pow(10, std::floor(std::log10(rate)));
  double best = 1;
  for (const double digits : {1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0})
    if (std::abs(portable_log(rate / power / digits)) < std::abs(portable_log(rate / power / best)))
      best = digits;
  return best * power;
}

}  // namespace

TrainingSpec sweep_spec(TrainingSpec spec, const SweepRange& range, std::int64_t images) {
  const std::int64_t steps_per_epoch = steps_in_epoch(images, spec);
  const double ratio = portable_pow(range.highest / range.lowest, 1.0 / (range.steps - 1));
  spec.schedule = {.shape = ExponentialSchedule{.gamma = portable_pow(ratio, steps_per_epoch)}};
  spec.epochs = static_cast<int>(range.steps / std::max<std::int64_t>(1, steps_per_epoch) + 1);
  const double to_lowest = range.lowest / learning_rate_of(spec.optimizer);
  std::visit([&](auto& optimizer) { scale(optimizer, to_lowest); }, spec.optimizer);
  spec.weight_averaging.reset();
  spec.early_stopping.reset();
  spec.max_minutes.reset();
  spec.on_non_finite = OnNonFinite::stop;
  return spec;
}

LearningRateSweep sweep_learning_rates(Trainer& trainer, const SweepRange& range,
                                       const std::function<void(std::int64_t)>& on_step,
                                       const std::atomic<bool>& stop, FrontEvents front) {
  LearningRateSweep sweep;
  std::atomic<bool> enough{false};
  double average = 0, least = std::numeric_limits<double>::infinity();
  TrainingEvents events;
  events.on_step = [&](const StepProgress& p) {
    sweep.rates.push_back(trainer.learning_rate(trainer.steps_done() - 1));
    sweep.losses.push_back(p.batch_loss);
    const std::size_t steps = sweep.losses.size();
    average = steps == 1 ? p.batch_loss : kAverageDecay * average + (1 - kAverageDecay) * p.batch_loss;
    least = std::min(least, average);
    if (steps > kStepsToJudge && average > kDiverged * least) sweep.diverged = true;
    if (sweep.diverged || static_cast<int>(steps) == range.steps || stop) enough = true;
    on_step(static_cast<std::int64_t>(steps));
  };
  events.front = front;
  events.front.on_features = [&](std::int64_t done, std::int64_t looks) {
    if (stop) enough = true;
    if (front.on_features) front.on_features(done, looks);
  };
  try {
    trainer.run(events, enough);
  } catch (const NonFiniteError&) {
    sweep.diverged = true;
  }
  judge(sweep);
  return sweep;
}

void judge(LearningRateSweep& sweep) {
  sweep.least = sweep.steepest = sweep.suggestion = 0;
  sweep.smoothed = smooth(sweep.losses);
  if (sweep.smoothed.size() <= kStepsToJudge) return;
  const auto least = std::min_element(sweep.smoothed.begin(), sweep.smoothed.end());
  const auto at_least = static_cast<std::size_t>(least - sweep.smoothed.begin());
  if (*least > (1 - kLeastFall) * sweep.smoothed.front()) return;
  sweep.least = sweep.rates[at_least];
  double fall = 0;
  for (std::size_t i = 1; i + 1 <= at_least; ++i)
    if (const double here = sweep.smoothed[i - 1] - sweep.smoothed[i + 1]; here > fall) {
      fall = here;
      sweep.steepest = sweep.rates[i];
    }
  sweep.suggestion = rounded(sweep.least * kPartOfLeast);
}

}  // namespace cnn
