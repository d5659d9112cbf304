#pragma once

#include <spdlog/logger.h>

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "session/training_data.h"
#include "session/voice.h"
#include "train/trainer.h"

namespace cnn {

/// "97.25 %"
std::string percent_text(double fraction);

/// What a training says while it runs: a progress line; a line for each epoch, as long as the terminal is
/// wide; how active the layers are after the first epoch and after the last, and between them those that have
/// become much less so; the layers' statistics on request; and a warning, once, for each layer that is dead
/// or explodes; at the end those that still do. The log file gets everything of every epoch.
class TrainingCommentary {
 public:
  /// All references must outlive the object.
  TrainingCommentary(RunLog& log, Trainer& trainer, const Cluster& cluster, const TrainingData& data,
                     const Voice& voice);

  /// Takes the events for progress and layers; they must not outlive this object.
  void listen(TrainingEvents& events);
  void epoch(const EpochResult& result);
  /// After the last epoch: how active the layers are, and what was wrong with one for several epochs up to
  /// then. Its warning scrolled by long ago.
  void end() const;
  /// Where the time went since the trainer was made, and what of it was spent on waiting for other processes.
  void times() const;
  /// Removes the progress line.
  void clear() { line_.reset(), validating_ = false; }

 private:
  void time_anew();
  void show_activity(const EpochResult& result);
  void complain(const EpochResult& result);

  RunLog& log_;
  Trainer& trainer_;
  const std::int64_t validation_images_;
  const Voice& voice_;
  const Cluster& cluster_;
  const double waited_before_;
  std::unique_ptr<ProgressLine> line_;
  bool validating_ = false;
  double start_;
  int epochs_here_ = 0;                 // since start_
  std::vector<LayerActivity> before_;   // in the epoch before
  std::map<std::string, double> told_;  // how active each layer was when that was said last
  /// A complaint that has held in every epoch since this one.
  struct Standing {
    int since = 0;
    std::string message;
  };
  using Complaints = std::map<std::pair<std::string, std::string>, Standing>;  // by layer and kind
  Complaints standing_;
  std::set<std::pair<std::string, std::string>> said_;
};

}  // namespace cnn
