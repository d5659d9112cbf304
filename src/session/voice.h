#pragma once

#include <spdlog/logger.h>

#include <cstdint>
#include <memory>
#include <string>

#include "report/progress.h"

namespace cnn {

/// What --layer-stats and --layer-stats-every ask for.
struct LayerStatisticsRequest {
  bool every_epoch = false;
  std::int64_t every_steps = 0;  ///< 0: not within an epoch
};

/// How a program speaks to people while it reads and trains: messages on stderr without decoration, and
/// progress lines. A quiet one says only warnings. Copies speak through the same stream.
class Voice {
 public:
  explicit Voice(bool quiet = false, const LayerStatisticsRequest& layers = {});

  /// A voice that writes its messages elsewhere and draws no progress lines.
  static Voice into(std::shared_ptr<spdlog::logger> log);

  /// For processes other than the first: a voice that says nothing, and one that says only warnings, with the
  /// rank in front.
  Voice silent() const;
  Voice of_rank(int rank) const;

  /// The voice of one of several trainings: their runner says how to go on with all of them, and only the
  /// first one describes data and layers.
  Voice for_one_of_several(bool first) const;

  spdlog::logger& log() const { return *log_; }
  /// As in ProgressLine: `what` stands in front; total 0: the amount of work is not known.
  std::unique_ptr<ProgressLine> progress(const std::string& what, std::int64_t total) const;

  /// What to log about the layers during a training.
  const LayerStatisticsRequest& layers() const { return layers_; }
  /// Whether a training describes data and layers before it begins.
  bool introduces() const { return introduces_; }
  /// Whether a training says how to go on with it after an interruption.
  bool advises() const { return advises_; }

 private:
  std::shared_ptr<spdlog::logger> log_;
  bool quiet_;
  LayerStatisticsRequest layers_;
  bool introduces_ = true, advises_ = true;
};

/// What a training says: by voice, and into its train.log, with the time and never quiet.
class RunLog {
 public:
  /// A file that cannot be written is warned of, by voice, and nothing else.
  RunLog(const Voice& voice, const std::string& file);

  spdlog::logger& both() { return *both_; }
  spdlog::logger& voice() { return *voice_; }
  spdlog::logger& file() { return *file_; }

 private:
  std::shared_ptr<spdlog::logger> voice_, file_, both_;
};

}  // namespace cnn
