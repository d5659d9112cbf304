#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "report/evaluation_record.h"
#include "train/evaluation.h"
#include "train/image_set.h"

namespace cnn {

/// Sees the predictions of one evaluation and makes a record of them.
class EvaluationCollector {
 public:
  /// pictures: the images of the set, in its order. The set must outlive the collector.
  EvaluationCollector(std::vector<std::string> classes, const ImageSet& set,
                      std::shared_ptr<const Dataset> pictures);

  /// What evaluate() calls for each image; image 0 begins a new evaluation. The collector must outlive it.
  OnPrediction observer();

  /// Of what was seen since image 0. Opens the images of the worst mistakes.
  EvaluationRecord record() const;

 private:
  void see(std::int64_t image, int predicted, std::span<const float> probabilities, float loss);

  std::vector<std::string> classes_;
  const ImageSet& set_;
  std::shared_ptr<const Dataset> pictures_;
  Classification results_;
  WorstMistakes mistakes_;
};

}  // namespace cnn
