#include "train/time_budget.h"

#include <cmath>

namespace cnn {
namespace {

/// Steps and seconds of the first epoch that tell its length: the first steps also warm up caches.
constexpr std::int64_t kFirstLook = 8;
constexpr double kFirstSeconds = 0.5;

/// An epoch is begun if this part of it fits: half of one too few or too many would be the alternative.
constexpr double kMostOfAnEpoch = 0.95;

}  // namespace

TimeBudget::TimeBudget(double seconds, int epochs, std::int64_t steps_per_epoch)
    : seconds_(seconds), most_epochs_(epochs), steps_per_epoch_(steps_per_epoch) {}

double TimeBudget::position(std::int64_t t) const {
  const auto from = static_cast<double>(from_step_);
  const double left = static_cast<double>(epochs() * steps_per_epoch_) - from;
  const double schedule_left = static_cast<double>(most_epochs_ * steps_per_epoch_) - from_position_;
  return from_position_ + (static_cast<double>(t) - from) * (left > 0 ? schedule_left / left : 1);
}

void TimeBudget::plan(double epochs_to_come, std::int64_t at_step) {
  from_position_ = position(at_step);
  from_step_ = at_step;
  fitting_ = fitting(schedule_is_over() ? 0 : epochs_to_come, at_step);
}

/// Whether the newest plan began where nothing of the schedule was left: one more epoch would learn nothing.
bool TimeBudget::schedule_is_over() const {
  return from_step_ < most_epochs_ * steps_per_epoch_ &&
         from_position_ >= static_cast<double>(most_epochs_ * steps_per_epoch_);
}

std::int64_t TimeBudget::fitting(double epochs_to_come, std::int64_t at_step) const {
  const std::int64_t begun = (at_step + steps_per_epoch_ - 1) / steps_per_epoch_;
  const double epochs = static_cast<double>(at_step) / static_cast<double>(steps_per_epoch_) + epochs_to_come;
  const auto whole = static_cast<std::int64_t>(std::min(std::floor(epochs + 1 - kMostOfAnEpoch), 1e9));
  return whole >= most_epochs_ ? 0 : std::max({whole, begun, std::int64_t{1}});
}

void TimeBudget::after_step(double elapsed, std::int64_t step) {
  if (planned_ != 0 || step < kFirstLook || elapsed < kFirstSeconds) return;
  planned_ = 1;
  const double epoch_seconds = elapsed / static_cast<double>(step) * static_cast<double>(steps_per_epoch_);
  plan((seconds_ - elapsed) / epoch_seconds, step);
}

void TimeBudget::after_epoch(double elapsed, double epoch_seconds, int epochs_done) {
  planned_ = 1;
  used_ = elapsed;
  plan((seconds_ - elapsed) / epoch_seconds, epochs_done * steps_per_epoch_);
}

void TimeBudget::go_on(int epochs_done) {
  if (epochs_done == 0) return;
  const double epoch_seconds = used_ / epochs_done, to_come = (seconds_ - used_) / epoch_seconds;
  after_epoch(used_, epoch_seconds, epochs_done);
  if (!schedule_is_over() || to_come < 1) return;
  // There is more time now: the schedule is spread over all epochs again, as when epochs are added.
  from_step_ = 0;
  from_position_ = 0;
  fitting_ = fitting(to_come, epochs_done * steps_per_epoch_);
}

void TimeBudget::list_state(StateParts& parts) {
  parts.add("time_budget.fitting", fitting_);
  parts.add("time_budget.planned", planned_);
  parts.add("time_budget.used", used_);
  parts.add("time_budget.from_step", from_step_);
  parts.add("time_budget.from_position", from_position_);
}

}  // namespace cnn
