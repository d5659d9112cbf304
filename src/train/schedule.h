#pragma once

#include <cstdint>

#include "train/training_spec.h"

namespace cnn {

/// The factor on the learning rate at every step of a training.
class LearningRateSchedule {
 public:
  LearningRateSchedule(const ScheduleSpec& spec, int epochs, std::int64_t steps_per_epoch);

  /// At step t, from 0; between two steps, too, for a training that walks faster. With T steps in all, W of
  /// them warm-up, e = (t-W)/steps_per_epoch and p = (t-W)/(T-W): t < W: (t+1)/W; constant 1; step
  /// gamma^floor(e/step_epochs); exponential gamma^e; cosine m
  /// + (1-m)(1 + cos(pi p))/2 with m = final_factor; one_cycle: torch.optim.lr_scheduler.OneCycleLR with
  /// max_lr = learning rate, after L. Smith, N. Topin, arXiv:1708.07120; linear: between points (fraction of
  /// training, factor), the first and last factor beyond them.
  double factor(double t) const;

  std::int64_t steps() const { return steps_; }

 private:
  ScheduleSpec spec_;
  std::int64_t steps_per_epoch_, steps_, warmup_;
};

}  // namespace cnn
