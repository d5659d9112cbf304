#pragma once

#include <spdlog/logger.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "nn/network.h"
#include "session/interruption.h"
#include "session/run_report.h"
#include "session/training_commentary.h"
#include "session/training_data.h"
#include "train/checkpoint_folder.h"
#include "train/data_identity.h"
#include "train/learning_rate_sweep.h"
#include "train/run_folder.h"
#include "train/trainer.h"

namespace cnn {

class CheckpointSaver;
class RunWriter;

/// Messages to people: to stderr without decoration; warnings only when quiet.
std::shared_ptr<spdlog::logger> console_log(bool quiet);

/// One training of a config with its seed: everything between the decoded data and the run folder.
class TrainingRun {
 public:
  /// Plans the network, and initializes it or goes on from a checkpoint. The pool, and what `log` writes to,
  /// must outlive it. Throws Error: for shapes with file, line and column out of `document`; for initial
  /// weights; if memory will not do; if the checkpoint is one of other data.
  TrainingRun(const Document& document, Config config, const OpenedData& opened, ThreadPool& pool,
              std::shared_ptr<spdlog::logger> log, bool quiet, const Checkpoint* start = nullptr);

  /// Says what the training would need, and how long an epoch takes, on stdout. Writes nothing. Trains for
  /// about a second: the network is of no use afterwards. Returns the seconds that all epochs would take.
  double dry_run();

  /// Trains with rising learning rates: see train/learning_rate_sweep.h. Writes nothing; the network is of no
  /// use afterwards.
  LearningRateSweep sweep_learning_rates(const SweepRange& range, const std::atomic<bool>& stop);

  struct Result {
    ExitCode code = ExitCode::done;  ///< interrupted or failed: what to resume from is in the folder
    EpochResult best;                ///< epoch 0: none is done
    std::optional<Evaluation> test;
    std::string summary;  ///< a line, once finished
  };
  /// Trains into a run folder, all of whose files it writes. introduce: whether the log tells about data and
  /// layers; the folder's train.log always does.
  Result train(RunFolder folder, CheckpointFolder checkpoints, Interruption& interruption,
               bool introduce = true);
  /// The same in a new folder.
  Result train(const std::filesystem::path& folder, Interruption& interruption, bool introduce = true);

  /// What the log tells about the layers from now on.
  void tell_about_layers(const LayerStatisticsRequest& request) { layer_statistics_ = request; }

  /// Who runs several trainings says himself how to go on with all of them after an interruption.
  void be_one_of_several() { one_of_several_ = true; }

  const Trainer& trainer() const { return *trainer_; }

  /// A line for the log when the training begins.
  void add_note(std::string line) { notes_.push_back(std::move(line)); }

 private:
  /// The test images, and the validation images if the report needs them. False: interrupted.
  /// "; go on with: ...", where that is this training's to say.
  std::string advice(const char* what, const std::filesystem::path& folder) const;
  bool evaluate_best(RunReport& report, const Interruption& interruption, Result& result);
  void describe(spdlog::logger& log, bool with_layers) const;
  std::unique_ptr<Network> planned(const NetworkSpec& spec, int batch_size) const;
  std::int64_t bytes_of(const Network& network, const Network* proxy) const;
  void check_memory(const Document& document) const;
  void check_identity(const Checkpoint& checkpoint) const;
  void make_trainer();
  void keep(std::vector<std::int64_t> images);
  std::string kept_count() const;
  std::string kept_by_class() const;
  bool filter_images(const Interruption& interruption, spdlog::logger& log);
  void write_sheet(const RunFolder& run, spdlog::logger& log) const;
  bool run_epochs(const TrainingEvents& events, const std::function<void()>& on_rollback, RunWriter& files,
                  CheckpointSaver& saver, const Interruption& interruption, spdlog::logger& log);
  void rescue(RunWriter& files, CheckpointSaver& saver, spdlog::logger& log);

  const Config config_;
  ThreadPool& pool_;
  const std::shared_ptr<spdlog::logger> log_;
  const bool quiet_;
  const Shape input_;
  TrainingData data_;
  std::unique_ptr<Network> network_, proxy_;  // proxy_: only while a filter has yet to choose
  ImageSet whole_train_;                      // the training images; data_.train: what a filter keeps of them
  std::vector<std::int64_t> kept_;            // of a filter
  std::vector<std::string> unused_weights_;   // of the file to start from
  std::int64_t bytes_ = 0;
  std::unique_ptr<Trainer> trainer_;
  LayerStatisticsRequest layer_statistics_;
  DataIdentity data_identity_;
  bool one_of_several_ = false;
  bool resumed_ = false;
  std::vector<std::string> notes_;
};

/// What a finished training says at its end, on stdout: the result, and where model and report are.
void print_outcome(const TrainingRun::Result& result, const std::filesystem::path& folder);

}  // namespace cnn
