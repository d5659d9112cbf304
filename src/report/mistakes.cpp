#include "report/mistakes.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace cnn {
namespace {

/// A loss that is NaN counts as infinite: sorting needs an order.
bool is_worse(const Mistake& a, const Mistake& b) {
  const auto loss = [](const Mistake& m) {
    return std::isnan(m.loss) ? std::numeric_limits<double>::infinity() : m.loss;
  };
  return loss(a) != loss(b) ? loss(a) > loss(b) : a.image < b.image;
}

}  // namespace

void WorstMistakes::add(std::int64_t image, int label, int predicted, std::span<const float> probabilities,
                        double loss) {
  if (predicted == label || most_ == 0) return;
  Mistake mistake;
  mistake.image = image, mistake.label = label, mistake.predicted = predicted;
  mistake.confidence = probabilities[static_cast<std::size_t>(predicted)];
  mistake.label_confidence = probabilities[static_cast<std::size_t>(label)];
  mistake.loss = loss;
  if (mistakes_.size() < most_) return mistakes_.push_back(std::move(mistake));
  Mistake& mildest = *std::max_element(mistakes_.begin(), mistakes_.end(), is_worse);
  if (is_worse(mistake, mildest)) mildest = std::move(mistake);
}

std::vector<Mistake> WorstMistakes::sorted() const {
  std::vector<Mistake> result = mistakes_;
  std::sort(result.begin(), result.end(), is_worse);
  return result;
}

}  // namespace cnn
