#include "session/evaluation_collector.h"

#include "session/report_pictures.h"

namespace cnn {

EvaluationCollector::EvaluationCollector(std::vector<std::string> classes, const ImageSet& set,
                                         std::shared_ptr<const Dataset> pictures)
    : classes_(std::move(classes)), set_(set), pictures_(std::move(pictures)), results_(classes_) {}

OnPrediction EvaluationCollector::observer() {
  return [this](std::int64_t image, int predicted, std::span<const float> probabilities, float loss) {
    see(image, predicted, probabilities, loss);
  };
}

void EvaluationCollector::see(std::int64_t image, int predicted, std::span<const float> probabilities,
                              float loss) {
  if (image == 0) {
    results_ = Classification(classes_);
    mistakes_ = WorstMistakes();
  }
  const int label = set_.labels[static_cast<std::size_t>(image)];
  if (label < 0) return;
  results_.add(label, predicted, probabilities, loss);
  mistakes_.add(image, label, predicted, probabilities, loss);
}

EvaluationRecord EvaluationCollector::record() const {
  EvaluationRecord record{.results = results_, .mistakes = mistakes_.sorted()};
  for (Mistake& mistake : record.mistakes) {
    mistake.path = set_.name(mistake.image);
    mistake.picture = picture_address(*pictures_, mistake.image);
  }
  return record;
}

}  // namespace cnn
