#pragma once

#include <algorithm>
#include <cstdint>

#include "train/state_parts.h"

namespace cnn {

/// Fits a training into a time: how many epochs there will be, and where in the schedule every step stands.
///
/// A schedule is written for all epochs of a config. When fewer fit, it is walked through faster, so that
/// the last step that is done has the last learning rate. Plans change while the training runs; from each
/// change on, the rest of the schedule is spread over the rest of the steps, without a jump.
class TimeBudget {
 public:
  /// `seconds` (may be infinite) for everything from the first step on, at most `epochs`.
  TimeBudget(double seconds, int epochs, std::int64_t steps_per_epoch);

  /// `step` steps of the first epoch took `elapsed` seconds: a first plan, once it is reliable.
  void after_step(double elapsed, std::int64_t step);
  /// An epoch and its measurements took `epoch_seconds`; `elapsed` of the budget is gone.
  void after_epoch(double elapsed, double epoch_seconds, int epochs_done);

  /// After list_state() was put back: the budget may have changed. If the schedule had come to its end and
  /// there is time for more epochs, it is laid over all of them: the rate jumps.
  void go_on(int epochs_done);

  /// Epochs in all, as planned now. At least one, and never fewer than are done.
  int epochs() const {
    return static_cast<int>(fitting_ == 0 ? most_epochs_ : std::min(fitting_, most_epochs_));
  }
  /// The step of the written schedule that step t of the training stands for.
  double position(std::int64_t t) const;

  /// For a run that is resumed: what was used of the time, in seconds.
  double used() const { return used_; }

  void list_state(StateParts& parts);

 private:
  void plan(double epochs_to_come, std::int64_t at_step);
  bool schedule_is_over() const;
  std::int64_t fitting(double epochs_to_come, std::int64_t at_step) const;  // a value for fitting_

  double seconds_;
  std::int64_t most_epochs_, steps_per_epoch_;
  std::int64_t fitting_ = 0;  // epochs; 0: all of them, however many a resumed run makes that
  std::int64_t planned_ = 0;  // whether after_step() has made its plan
  double used_ = 0;
  std::int64_t from_step_ = 0;  // of the newest plan: where it began,
  double from_position_ = 0;    // and where in the schedule that was
};

}  // namespace cnn
