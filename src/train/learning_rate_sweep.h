#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

#include "train/trainer.h"
#include "train/training_spec.h"

namespace cnn {

/// The learning rates that are tried: each step takes the next one, at equal ratios.
struct SweepRange {
  double lowest = 1e-5, highest = 10;
  int steps = 100;
};

/// The training of a sweep: the spec's optimizer, batches and loss, with learning rates that rise step by
/// step; no warm-up, averages, clock or early end. With Muon both of its rates keep their ratio.
TrainingSpec sweep_spec(TrainingSpec spec, const SweepRange& range, std::int64_t images);

/// A learning rate range test (L. Smith, arXiv:1506.01186, section 3.3): too small a rate learns nothing in a
/// step, a good one makes the loss fall, too large a one makes it rise.
struct LearningRateSweep {
  std::vector<double> rates, losses;  ///< of each step
  std::vector<double> smoothed;       ///< losses, averaged over the neighboring steps
  bool diverged = false;              ///< ended before the highest rate: the loss had grown far enough
  double least = 0;                   ///< the rate at the least smoothed loss
  double steepest = 0;                ///< the rate where the smoothed loss falls fastest before that
  /// The rate to begin with: a tenth of `least`, to one digit and a half; 0: the loss did not fall, so there
  /// is no suggestion.
  double suggestion = 0;
};

/// Runs a sweep: `trainer` is new, made of sweep_spec(). on_step: the number of steps so far; front: before
/// these. Ends early when `stop` becomes true. The network cannot be used afterwards.
LearningRateSweep sweep_learning_rates(Trainer& trainer, const SweepRange& range,
                                       const std::function<void(std::int64_t)>& on_step,
                                       const std::atomic<bool>& stop, FrontEvents front = {});

/// What rates and losses say; fills in the rest.
void judge(LearningRateSweep& sweep);

}  // namespace cnn
