#pragma once

#include <spdlog/logger.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>

#include "core/pace.h"
#include "train/checkpoint_folder.h"
#include "train/trainer.h"
#include "train/training_spec.h"

namespace cnn {

/// Saves the state of a training when it is due. If that fails (a full disk), says so and tries again later:
/// a training in memory is worth more than its checkpoint.
class CheckpointSaver {
 public:
  /// texts: go into every checkpoint. All references must outlive the saver.
  CheckpointSaver(Trainer& trainer, CheckpointFolder folder, const TrainingSpec& spec,
                  std::map<std::string, std::string> texts, spdlog::logger& log);

  /// Call it whenever the state is consistent. Saves at the end of an epoch, when it is time, or if `asked`;
  /// a large state, at the ends of epochs, so seldom that saving takes no more than a tenth of the time.
  void offer(bool epoch_ended, bool asked);
  /// Throws Error (exit 1) if it cannot.
  void save();
  /// Saves if anything has happened since the last time. Throws Error (exit 1) if it cannot.
  void save_rest();
  /// The newest intact one in the folder; throws Error (exit 1) if there is none.
  Checkpoint newest();

 private:
  Trainer& trainer_;
  CheckpointFolder folder_;
  const TrainingSpec& spec_;
  const std::map<std::string, std::string> texts_;
  spdlog::logger& log_;
  Pace pace_;
  Checkpoint checkpoint_;  // keeps its memory: saving must be possible when none is left
  std::chrono::steady_clock::time_point last_;
  std::int64_t steps_since_ = 0;  // since the last attempt
  bool saved_ = true;             // all that has happened
};

}  // namespace cnn
