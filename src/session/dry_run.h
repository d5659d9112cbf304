#pragma once

#include "session/training_setup.h"
#include "session/voice.h"

namespace cnn {

/// Prints what a training would need and how long an epoch takes. Writes no files. Trains for about a second,
/// so the setup cannot be used afterwards. Returns the seconds that all epochs would take.
double dry_run(TrainingSetup& setup, const Voice& voice);

}  // namespace cnn
