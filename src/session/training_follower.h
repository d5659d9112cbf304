#pragma once

#include "session/interruption.h"
#include "session/training_setup.h"
#include "session/voice.h"
#include "train/checkpoint.h"

namespace cnn {

/// What the processes other than 0 do of a training: the same steps and measurements, without writing or
/// saying anything. Returns the exit code; in case of a fault it throws.
ExitCode follow(TrainingSetup& setup, const Voice& voice, Interruption& interruption);

// The points of a training at which process 0 alone knows what to do next. Collective; `mine` is its answer.

/// The checkpoint that process 0 goes back to.
Checkpoint shared_checkpoint(Cluster& cluster, const Checkpoint* mine);
/// Whether the best model is evaluated on the validation images once more.
bool validates_again(Cluster& cluster, bool mine);

}  // namespace cnn
