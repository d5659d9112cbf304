#include "session/evaluation_collector.h"

#include <cmath>
#include <utility>

#include "session/report_pictures.h"

namespace cnn {

EvaluationCollector::EvaluationCollector(std::vector<std::string> classes, Pictures pictures)
    : pictures_(pictures), results_(std::move(classes)) {}

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

void EvaluationCollector::draw_reasons(const Reason& reason, ThreadPool& pool) {
  end_part();
  const std::span<Mistake> mistakes = mistakes_.kept();
  pool.parallel_for(static_cast<std::int64_t>(mistakes.size()), [&](std::int64_t i, int) {
    Mistake& mistake = mistakes[static_cast<std::size_t>(i)];
    mistake.reason = reason(mistake.pixels, mistake.predicted);
  });
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
    std::vector<std::byte> scratch;
    const std::byte* pixels = part_->pixels(mistake.image - before_, scratch);
    const std::size_t value_bytes = part_->pixel_type() == PixelType::floats ? sizeof(float) : 1;
    mistake.pixels.assign(pixels, pixels + static_cast<std::size_t>(part_->values_per_image()) * value_bytes);
  }
  set_ = nullptr;
  part_ = nullptr;
}

}  // namespace cnn
