#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/thread_pool.h"
#include "data/image_files.h"
#include "data/open_dataset.h"
#include "nn/network.h"
#include "nn/runner.h"
#include "report/progress.h"
#include "session/evaluation_collector.h"
#include "session/interruption.h"
#include "train/model_file.h"

namespace cnn {

/// A model of a file, ready to take images: those with a label are scored, and what it sees on each is told.
class Evaluator {
 public:
  struct Options {
    std::filesystem::path model;
    int threads = 1;
    std::optional<TestTimeAugmentation> looks;  ///< nothing: as the model's config says
    EvaluationCollector::Pictures pictures = EvaluationCollector::Pictures::none;
  };
  /// An image as the model sees it. label: -1 for none. One probability per class.
  struct Seen {
    std::string name;
    int label = -1, predicted = 0;
    std::span<const float> probabilities;
  };
  using OnImage = std::function<void(const Seen&)>;

  /// Loads the model. Throws Error (exit 1) for a file that is none.
  Evaluator(const Options& options, const Interruption& interruption);

  /// Takes image files, those of a folder perhaps, in parts: memory does not grow with their number. What
  /// cannot be read is left out, and in bad(). Throws Error: for classes that the model does not know; with
  /// the exit code of an interruption, after which there is nothing to be told.
  void score_files(std::shared_ptr<const ImageFiles> files, const OnImage& each);
  /// The same for a data set that is opened as a whole.
  void score_set(const DataLocation& location, const OnImage& each);

  /// Takes the progress line away, so that something else can be said.
  void make_room() const {
    if (line_) line_->clear();
  }

  const std::vector<std::string>& classes() const { return description_.classes; }
  const ModelDescription& description() const { return description_; }
  const Network& network() const { return *network_; }
  EvaluationCollector& collected() { return collector_; }
  const EvaluationCollector& collected() const { return collector_; }
  const std::vector<BadFile>& bad() const { return bad_; }

 private:
  void score(const std::shared_ptr<const Dataset>& dataset, const OnImage& each,
             const std::function<void(std::int64_t done)>& progress);
  void show_progress(std::int64_t done, std::int64_t total);
  std::vector<int> labels_of(const ImageFiles& files);
  void stop_if_interrupted() const;

  const Options options_;
  const Interruption& interruption_;
  ThreadPool pool_;
  const ModelDescription description_;
  ImageSpec image_;
  TestTimeAugmentation looks_ = TestTimeAugmentation::none;
  DecodeLimits limits_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<Runner> runner_;
  EvaluationCollector collector_;
  std::unique_ptr<ProgressLine> line_;
  std::vector<BadFile> bad_;
};

}  // namespace cnn
