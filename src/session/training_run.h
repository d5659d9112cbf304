#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "core/error.h"
#include "session/interruption.h"
#include "session/training_setup.h"
#include "session/voice.h"
#include "train/checkpoint_folder.h"
#include "train/run_folder.h"

namespace cnn {

/// How a training ended.
struct TrainingOutcome {
  ExitCode code = ExitCode::done;  ///< interrupted or failed: what to resume from is in the folder
  EpochResult best = {};           ///< epoch 0: none is done
  std::optional<Evaluation> test = std::nullopt;
  std::string summary = {};           ///< a line, once finished
  std::filesystem::path folder = {};  ///< of process 0
};

/// Trains a setup into a run folder, all of whose files it writes; train.log always gets everything. In a
/// cluster it is what process 0 does.
TrainingOutcome train(TrainingSetup& setup, RunFolder folder, CheckpointFolder checkpoints,
                      const Voice& voice, Interruption& interruption);
/// The same in a folder that process 0 claims, with what the other processes do: they need no folder.
TrainingOutcome train(TrainingSetup& setup, const ClaimFolder& claim, const Voice& voice,
                      Interruption& interruption);

/// What a finished training says at its end, on stdout: the result, and where model and report are.
void print_outcome(const TrainingOutcome& outcome);

}  // namespace cnn
