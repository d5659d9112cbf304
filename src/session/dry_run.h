#pragma once

#include "session/training_setup.h"
#include "session/voice.h"

namespace cnn {

/// Says what a training would need, and how long an epoch takes, on stdout. Writes nothing. Trains for about
/// a second: the setup is of no use afterwards. Returns the seconds that all epochs would take.
double dry_run(TrainingSetup& setup, const Voice& voice);

}  // namespace cnn
