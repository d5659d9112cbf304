#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/thread_pool.h"
#include "data/dataset.h"
#include "report/evaluation_record.h"
#include "train/evaluation.h"
#include "train/image_set.h"

namespace cnn {

/// Collects what an evaluation gives: counts for tables and charts, and the worst mistakes. Its images may
/// come in parts.
class EvaluationCollector {
 public:
  enum class Pictures { none, of_mistakes };
  /// Draws what in an image spoke for a class, as an address for <img>. Several threads may call it.
  using Reason = std::function<std::string(std::span<const std::byte> pixels, int class_number)>;
  EvaluationCollector(std::vector<std::string> classes, Pictures pictures);

  /// Forgets what it saw.
  void clear();
  /// From now on see() refers to this set. `images`: what the set is made of, in its order. Both must live
  /// until the part ends.
  void begin_part(const ImageSet& set, const Dataset& images);
  /// What evaluate() calls for each image of the part.
  void see(std::int64_t image, int predicted, std::span<const float> probabilities, float loss);
  /// Opens the images of the mistakes that are among the worst so far.
  void end_part();
  /// For a set that is evaluated as a whole, again and again: image 0 begins a new evaluation. Collector, set
  /// and images must outlive it.
  OnPrediction observer(const ImageSet& set, const Dataset& images);

  /// Of the images with a label.
  const Classification& results() const { return results_; }
  std::int64_t images() const { return images_; }
  /// Images whose most probable class has no finite probability.
  std::int64_t not_finite() const { return not_finite_; }
  /// Ends the part, and draws the reason of each mistake: once all images were seen, for it may take a
  /// second.
  void draw_reasons(const Reason& reason, ThreadPool& pool);
  /// Ends the part.
  EvaluationRecord record();

 private:
  const Pictures pictures_;
  Classification results_;
  WorstMistakes mistakes_;
  std::int64_t images_ = 0, not_finite_ = 0;
  const ImageSet* set_ = nullptr;
  const Dataset* part_ = nullptr;
  std::int64_t before_ = 0;  // images of the parts before
};

}  // namespace cnn
