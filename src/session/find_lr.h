#pragma once

#include <filesystem>

#include "session/interruption.h"
#include "session/training_setup.h"
#include "session/voice.h"
#include "train/learning_rate_sweep.h"

namespace cnn {

/// cnn-train --find-lr: sweeps the learning rate of a setup, which cannot be used afterwards, and writes
/// learning_rates.csv and report.html into `folder`; the chart and the suggestion go to stdout. Interrupted:
/// nothing is written.
ExitCode find_learning_rate(TrainingSetup& setup, const SweepRange& range,
                            const std::filesystem::path& folder, const Voice& voice,
                            Interruption& interruption);

}  // namespace cnn
