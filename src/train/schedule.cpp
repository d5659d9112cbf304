#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/portable_math.h"

namespace cnn {
namespace {

double cosine_between(double from, double to, double fraction) {
  return to + (from - to) * (1 + portable_cos(std::numbers::pi * fraction)) / 2;
}

double one_cycle(const OneCycleSchedule& s, double t, std::int64_t steps) {
  const double initial = 1 / s.div_factor, last = initial / s.final_div_factor;
  const double peak_step = s.pct_start * static_cast<double>(steps) - 1,
               last_step = static_cast<double>(steps) - 1;
  const auto between = [&](double from, double to, double begin, double end) {
    const double fraction = end > begin ? (t - begin) / (end - begin) : 1;
    return s.anneal == OneCycleSchedule::Anneal::cos ? cosine_between(from, to, fraction)
                                                     : from + (to - from) * fraction;
  };
  return t <= peak_step ? between(initial, 1, 0, peak_step) : between(1, last, peak_step, last_step);
}

double linear(const LinearSchedule& s, double fraction) {
  const auto& points = s.points;
  if (fraction <= points.front()[0]) return points.front()[1];
  for (std::size_t i = 1; i < points.size(); ++i) {
    const auto [x0, y0] = points[i - 1];
    const auto [x1, y1] = points[i];
    if (fraction <= x1) return x1 > x0 ? y0 + (y1 - y0) * (fraction - x0) / (x1 - x0) : y1;
  }
  return points.back()[1];
}

}  // namespace

LearningRateSchedule::LearningRateSchedule(const ScheduleSpec& spec, int epochs, std::int64_t steps_per_epoch)
    : spec_(spec),
      steps_per_epoch_(steps_per_epoch),
      steps_(epochs * steps_per_epoch),
      warmup_(std::llround(spec.warmup_epochs * static_cast<double>(steps_per_epoch))) {}

double LearningRateSchedule::factor(double t) const {
  const auto warmup = static_cast<double>(warmup_);
  if (t < warmup) return std::min(1.0, (t + 1) / warmup);
  const double after = t - warmup;
  const double epochs = after / static_cast<double>(steps_per_epoch_);
  const double fraction = after / static_cast<double>(std::max<std::int64_t>(1, steps_ - warmup_));
  struct Factor {
    double epochs, fraction, t;
    std::int64_t steps;
    double operator()(const ConstantSchedule&) const { return 1; }
    double operator()(const StepSchedule& s) const {
      return portable_pow(s.gamma, std::floor(epochs / s.step_epochs));
    }
    double operator()(const ExponentialSchedule& s) const { return portable_pow(s.gamma, epochs); }
    double operator()(const CosineSchedule& s) const { return cosine_between(1, s.final_factor, fraction); }
    double operator()(const OneCycleSchedule& s) const { return one_cycle(s, t, steps); }
    double operator()(const LinearSchedule& s) const { return linear(s, fraction); }
  };
  return std::visit(Factor{epochs, fraction, t, steps_}, spec_.shape);
}

}  // namespace cnn
