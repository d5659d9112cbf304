#pragma once

#include <filesystem>

#include "session/interruption.h"
#include "session/training_run.h"
#include "train/learning_rate_sweep.h"

namespace cnn {

/// cnn-train --find-lr: sweeps the learning rate of `run`, which has not trained yet, and leaves
/// learning_rates.csv and report.html in `folder`; the chart and what follows from it go to stdout.
/// Interrupted: nothing is written.
ExitCode find_learning_rate(TrainingRun& run, const Config& config, const SweepRange& range,
                            const std::filesystem::path& folder, int threads, Interruption& interruption);

}  // namespace cnn
