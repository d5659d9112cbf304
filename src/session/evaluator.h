#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cluster/cluster.h"
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

/// A model from a file, ready to take images. Scores those with a label, and passes on its answer for each.
/// In a cluster the calls are collective: every process takes a share of the images, and process 0 gets the
/// answers and the results.
class Evaluator {
 public:
  struct Options {
    std::filesystem::path model;  ///< only process 0 needs it
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

  /// Loads the model. Throws Error (exit 1) for a file that is not a model.
  Evaluator(const Options& options, const Interruption& interruption, Cluster& cluster = alone());

  /// Takes image files, for example those of a folder, in parts: memory does not grow with their number.
  /// Files that cannot be read are left out and listed in bad(). Throws Error: for classes that the model
  /// does not know; after an interruption, with its exit code: then there are no results.
  void score_files(std::shared_ptr<const ImageFiles> files, const OnImage& each);
  /// The same for a data set that is opened as a whole.
  void score_set(const DataLocation& location, const OnImage& each);

  /// Removes the progress line, so that other output can be written.
  void make_room() const {
    if (line_) line_->clear();
  }

  const std::vector<std::string>& classes() const { return description_.classes; }
  ClassFolders class_folders() const { return class_folders_; }
  const ModelDescription& description() const { return description_; }
  const Network& network() const { return *network_; }
  EvaluationCollector& collected() { return collector_; }
  void draw_reasons(const EvaluationCollector::Reason& reason) { collector_.draw_reasons(reason, pool_); }
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
  Cluster& cluster_;
  ThreadPool pool_;
  const ModelDescription description_;
  ImageSpec image_;
  TestTimeAugmentation looks_ = TestTimeAugmentation::none;
  DecodeLimits limits_;
  ClassFolders class_folders_ = ClassFolders::top;
  std::unique_ptr<Network> network_;
  std::unique_ptr<Runner> runner_;
  EvaluationCollector collector_;
  std::unique_ptr<ProgressLine> line_;
  std::vector<BadFile> bad_;
};

}  // namespace cnn
