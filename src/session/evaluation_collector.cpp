#include "session/evaluation_collector.h"

#include <cmath>
#include <utility>

#include "session/report_pictures.h"

namespace cnn {

EvaluationCollector::EvaluationCollector(std::vector<std::string> classes, Pictures pictures, Reason reason)
    : pictures_(pictures), reason_(std::move(reason)), results_(std::move(classes)) {}

void EvaluationCollector::clear() {
  results_ = Classification(results_.classes());
  mistakes_ = WorstMistakes();
  images_ = not_finite_ = before_ = 0;
}

void EvaluationCollector::begin_part(const ImageSet& set, const Dataset& images) {
  set_ = &set;
  part_ = &images;
  before_ = images_;
}

void EvaluationCollector::see(std::int64_t image, int predicted, std::span<const float> probabilities,
                              float loss) {
  ++images_;
  not_finite_ += !std::isfinite(probabilities[static_cast<std::size_t>(predicted)]);
  const int label = set_->labels[static_cast<std::size_t>(image)];
  if (label < 0) return;
  results_.add(label, predicted, probabilities, loss);
  if (pictures_ == Pictures::of_mistakes)
    mistakes_.add(before_ + image, label, predicted, probabilities, loss);
}

OnPrediction EvaluationCollector::observer(const ImageSet& set, const Dataset& images) {
  return [this, &set, &images](std::int64_t image, int predicted, std::span<const float> probabilities,
                               float loss) {
    if (image == 0) {
      clear();
      begin_part(set, images);
    }
    see(image, predicted, probabilities, loss);
  };
}

EvaluationRecord EvaluationCollector::record() {
  end_part();
  return {results_, mistakes_.sorted()};
}

/// Only for mistakes that are still among the worst when the part ends: opening an image takes longer than
/// judging it.
void EvaluationCollector::end_part() {
  if (!set_) return;
  for (Mistake& mistake : mistakes_.kept()) {
    if (mistake.image < before_ || !mistake.picture.empty()) continue;
    mistake.path = set_->name(mistake.image - before_);
    mistake.picture = picture_address(*part_, mistake.image - before_);
    if (reason_) mistake.reason = reason_(*part_, mistake.image - before_, mistake.predicted);
  }
  set_ = nullptr;
  part_ = nullptr;
}

}  // namespace cnn
