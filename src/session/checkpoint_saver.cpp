#include "session/checkpoint_saver.h"

#include "core/error.h"
#include "core/text.h"

namespace cnn {

namespace {

/// From so many bytes on, a short epoch takes less time than saving it.
constexpr std::size_t kLarge = 16 << 20;

StateParts state_of(Trainer& trainer) {
  StateParts parts;
  trainer.list_state(parts);
  return parts;
}

}  // namespace

CheckpointSaver::CheckpointSaver(Trainer& trainer, CheckpointFolder folder, const TrainingSpec& spec,
                                 std::map<std::string, std::string> texts, spdlog::logger& log)
    : trainer_(trainer),
      folder_(std::move(folder)),
      spec_(spec),
      texts_(std::move(texts)),
      log_(log),
      pace_(1),
      checkpoint_(state_of(trainer), texts_),
      last_(std::chrono::steady_clock::now()) {
  if (checkpoint_.bytes().size() >= kLarge) pace_ = Pace(0.1);
}

void CheckpointSaver::offer(bool epoch_ended, bool asked) {
  saved_ = false;
  if (!epoch_ended) ++steps_since_;
  const std::chrono::duration<double, std::ratio<60>> minutes = std::chrono::steady_clock::now() - last_;
  const bool due = (epoch_ended && pace_.due()) ||
                   (spec_.checkpoint_minutes > 0 && minutes.count() >= spec_.checkpoint_minutes) ||
                   (spec_.checkpoint_steps > 0 && steps_since_ >= spec_.checkpoint_steps);
  if (!due && !asked) return;
  try {
    save();
    if (asked)
      log_.warn("saved, as SIGUSR1 asked: {} and {} are done", counted(trainer_.epochs_done(), "epoch"),
                counted(trainer_.steps_of_epoch(), "step"));
  } catch (const Error& error) {
    log_.warn("warning: the checkpoint could not be saved: {}; the training continues", error.what());
  }
}

void CheckpointSaver::save_rest() {
  if (!saved_) save();
}

void CheckpointSaver::save() {
  last_ = std::chrono::steady_clock::now();
  steps_since_ = 0;
  pace_.run([&] {
    checkpoint_.capture(state_of(trainer_), texts_);
    folder_.save(checkpoint_);
  });
  saved_ = true;
}

Checkpoint CheckpointSaver::newest() {
  CheckpointFolder::Found found = folder_.load();
  for (const std::string& damage : found.damaged) log_.warn("warning: {}", damage);
  if (!found.newest) fail("there is no checkpoint to go back to");
  return std::move(*found.newest);
}

}  // namespace cnn
