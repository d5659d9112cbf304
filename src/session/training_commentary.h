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

/// What a training says while it runs: a progress line, a few lines for each epoch, the layers' statistics on
/// request, and a warning, once, for each layer that is dead or explodes; at the end those that still do.
class TrainingCommentary {
 public:
  /// All references must outlive the object.
  TrainingCommentary(spdlog::logger& log, Trainer& trainer, const TrainingData& data, const Voice& voice);

  /// Takes the events for progress and layers; they must not outlive this object.
  void listen(TrainingEvents& events);
  void epoch(const EpochResult& result);
  /// After the last epoch: what was wrong with a layer for several epochs up to then. Its warning scrolled by
  /// long ago.
  void end() const;
  /// Where the time went since the trainer was made.
  void times() const;
  /// Removes the progress line.
  void clear() { line_.reset(), validating_ = false; }

 private:
  void complain(const EpochResult& result);

  spdlog::logger& log_;
  Trainer& trainer_;
  const std::int64_t validation_images_;
  const Voice& voice_;
  std::unique_ptr<ProgressLine> line_;
  bool validating_ = false;
  double start_;
  int epochs_here_ = 0;  // since start_
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
