#pragma once

#include <spdlog/logger.h>

#include <filesystem>
#include <optional>
#include <string>

#include "config/config.h"
#include "core/pace.h"
#include "nn/network.h"
#include "session/environment.h"
#include "session/evaluation_collector.h"
#include "session/training_data.h"

namespace cnn {

/// Keeps two files of a run folder up to date. evaluation.json: the best model's results on the validation
/// images and, at the end, on the test images. report.html: a page of these and of the folder's tables, so it
/// covers the whole training even after a resume. A failed write is only a warning, given once: a training is
/// worth more than its report.
class RunReport {
 public:
  /// All references must outlive the object. An evaluation.json that is there is read.
  RunReport(std::filesystem::path folder, const Config& config, const Network& network,
            const TrainingData& data, const Workers& workers, spdlog::logger& log);

  /// For a resumed run: forgets the record of any epoch but its best.
  void resume(int best_epoch);

  /// Must see the validation images of every epoch before its add_epoch(). Empty without validation.
  OnPrediction validation_observer();
  /// Empty without test images.
  OnPrediction test_observer();

  /// An epoch of so many is over and its tables are written. best: its model is the best so far. Writes the
  /// page if that does not take more than a small share of the time.
  void add_epoch(int epoch, int epochs, bool best);

  /// Whether the validation part is about this epoch; if not, the best model must be evaluated again before
  /// finish().
  bool tells_of(int best_epoch) const { return !validation_ || record_epoch_ == best_epoch; }

  /// The network holds the best model, and the observers saw it last.
  void finish(int best_epoch);
  void stop(int epochs_done, const std::string& why);

 private:
  void write(const std::string& state, bool finished = false);
  void record_validation(int epoch);
  void write_evaluation();
  void read_evaluation();

  const std::filesystem::path folder_;
  const Config& config_;
  const Network& network_;
  const TrainingData& data_;
  const Workers workers_;
  spdlog::logger& log_;
  std::optional<EvaluationCollector> validation_, test_;
  std::optional<EvaluationRecord> validation_record_, test_record_;
  int best_epoch_ = 0, record_epoch_ = 0;  // 0: none
  Pace pages_{0.05};                       ///< of the time
  bool evaluation_is_written_ = true, complained_ = false;
};

}  // namespace cnn
