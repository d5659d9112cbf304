#pragma once

#include <spdlog/logger.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/interruption.h"
#include "apps/training_data.h"
#include "config/config.h"
#include "nn/network.h"
#include "train/trainer.h"

namespace cnn {

/// Messages to people: to stderr without decoration; warnings only when quiet.
std::shared_ptr<spdlog::logger> console_log(bool quiet);

/// One training of a config with its seed: everything between the decoded data and the run folder.
class TrainingRun {
 public:
  /// Plans and initializes the network. The pool, and what `log` writes to, must outlive it. Throws Error:
  /// for shapes with file, line and column out of `document`; for initial weights; if memory will not do.
  TrainingRun(const Document& document, Config config, const OpenedData& opened, ThreadPool& pool,
              std::shared_ptr<spdlog::logger> log, bool quiet);

  /// Says what the training would need, and how long an epoch takes, on stdout. Writes nothing. Trains for
  /// about a second: the network is of no use afterwards. Returns the seconds that all epochs would take.
  double dry_run();

  struct Result {
    ExitCode code = ExitCode::done;  ///< interrupted or failed: the models of the last whole epoch are there
    EpochResult best;
    std::optional<Evaluation> test;
    std::string summary;  ///< a line, once finished
  };
  /// Trains into a new run folder. introduce: whether the log tells about data and layers; the folder's
  /// train.log always does.
  Result train(const std::filesystem::path& folder, const Interruption& interruption, bool introduce = true);

 private:
  void describe(spdlog::logger& log, bool with_layers) const;

  const Config config_;
  ThreadPool& pool_;
  const std::shared_ptr<spdlog::logger> log_;
  const bool quiet_;
  const Shape input_;
  const TrainingData data_;
  std::unique_ptr<Network> network_;
  std::vector<std::string> unused_weights_;  // of the file to start from
  std::int64_t bytes_ = 0;
  std::unique_ptr<Trainer> trainer_;
};

}  // namespace cnn
