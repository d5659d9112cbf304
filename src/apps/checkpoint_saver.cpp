#include "apps/checkpoint_saver.h"

#include "core/error.h"

namespace cnn {

CheckpointSaver::CheckpointSaver(Trainer& trainer, CheckpointFolder folder, const TrainingSpec& spec,
                                 std::map<std::string, std::string> texts, spdlog::logger& log)
    : trainer_(trainer),
      folder_(std::move(folder)),
      spec_(spec),
      texts_(std::move(texts)),
      log_(log),
      last_(std::chrono::steady_clock::now()) {}

void CheckpointSaver::offer(bool epoch_ended) {
  saved_ = false;
  if (!epoch_ended) ++steps_since_;
  const std::chrono::duration<double, std::ratio<60>> minutes = std::chrono::steady_clock::now() - last_;
  if (!epoch_ended && !(spec_.checkpoint_minutes > 0 && minutes.count() >= spec_.checkpoint_minutes) &&
      !(spec_.checkpoint_steps > 0 && steps_since_ >= spec_.checkpoint_steps))
    return;
  try {
    save();
  } catch (const Error& error) {
    log_.warn("warning: the checkpoint is not saved: {}; the training goes on", error.what());
  }
}

void CheckpointSaver::save_rest() {
  if (!saved_) save();
}

void CheckpointSaver::save() {
  last_ = std::chrono::steady_clock::now();
  steps_since_ = 0;
  StateParts parts;
  trainer_.list_state(parts);
  folder_.save(Checkpoint(parts, texts_));
  saved_ = true;
}

}  // namespace cnn
