#pragma once

#include "session/interruption.h"
#include "session/training_setup.h"
#include "session/voice.h"
#include "train/learning_rate_sweep.h"
#include "train/run_folder.h"

namespace cnn {

/// cnn-train --find-lr: sweeps the learning rate of a setup, which cannot be used afterwards, and writes
/// learning_rates.csv and report.html into the folder that process 0 claims before the sweep; the chart and
/// the suggestion go to stdout. Interrupted, or ended by an Error: no folder stays.
ExitCode find_learning_rate(TrainingSetup& setup, const SweepRange& range, const ClaimFolder& claim,
                            const Voice& voice, Interruption& interruption);

}  // namespace cnn
