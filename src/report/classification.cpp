#include "report/classification.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

namespace cnn {
namespace {

constexpr int kConfidenceBins = 15;

double ratio(double a, double b) { return b == 0 ? 0 : a / b; }

std::vector<Classification::ConfidenceBin> empty_bins() {
  std::vector<Classification::ConfidenceBin> bins;
  for (int k = 0; k < kConfidenceBins; ++k)
    bins.push_back({.from = static_cast<double>(k) / kConfidenceBins,
                    .to = static_cast<double>(k + 1) / kConfidenceBins,
                    .images = 0,
                    .correct = 0,
                    .confidence_sum = 0});
  return bins;
}

}  // namespace

Classification::Classification(std::vector<std::string> classes)
    : classes_(std::move(classes)),
      confusion_(classes_.size(), std::vector<std::int64_t>(classes_.size())),
      rank_counts_(classes_.size()),
      bins_(empty_bins()) {}

Classification::Classification(std::vector<std::string> classes, Counts counts)
    : classes_(std::move(classes)),
      confusion_(std::move(counts.confusion)),
      rank_counts_(std::move(counts.ranks)),
      bins_(std::move(counts.bins)),
      loss_sum_(counts.loss_sum) {
  const std::size_t n = classes_.size();
  const auto square =
      std::all_of(confusion_.begin(), confusion_.end(), [&](const auto& row) { return row.size() == n; });
  if (confusion_.size() != n || !square || rank_counts_.size() != n || bins_.size() != kConfidenceBins)
    throw std::invalid_argument("the counts are not those of " + std::to_string(n) + " classes");
  for (const auto& row : confusion_) images_ = std::accumulate(row.begin(), row.end(), images_);
}

void Classification::add(int label, int predicted, std::span<const float> probabilities, double loss) {
  const float said = probabilities[static_cast<std::size_t>(predicted)];
  const bool finite = std::isfinite(said);
  // Outputs that are not finite name no class. They are a mistake, also where the class that stands for them
  // is the true one.
  if (!finite && predicted == label) predicted = (label + 1) % static_cast<int>(classes_.size());
  ++confusion_[static_cast<std::size_t>(label)][static_cast<std::size_t>(predicted)];
  ++images_;
  loss_sum_ += loss;
  // Rank of the true class: ties go to the class that comes first, as in the prediction.
  std::size_t rank = finite ? 0 : classes_.size() - 1;
  const float own = probabilities[static_cast<std::size_t>(label)];
  for (std::size_t k = 0; finite && k < probabilities.size(); ++k)
    rank += probabilities[k] > own || (probabilities[k] == own && k < static_cast<std::size_t>(label));
  ++rank_counts_[rank];
  // A network whose outputs are not finite is sure of nothing.
  const double confidence = finite ? said : 0;
  const double place = std::ceil(confidence * kConfidenceBins) - 1;  // the bins are open at their lower end
  ConfidenceBin& bin = bins_[static_cast<std::size_t>(std::clamp(place, 0.0, kConfidenceBins - 1.0))];
  ++bin.images;
  bin.correct += predicted == label;
  bin.confidence_sum += confidence;
}

std::int64_t Classification::correct() const {
  std::int64_t count = 0;
  for (std::size_t k = 0; k < classes_.size(); ++k) count += confusion_[k][k];
  return count;
}

double Classification::accuracy() const {
  return ratio(static_cast<double>(correct()), static_cast<double>(images_));
}

std::pair<double, double> Classification::accuracy_interval() const {
  if (images_ == 0) return {0, 1};
  constexpr double kZ = 1.959963984540054;  // 97.5th percentile of the normal distribution
  const double n = static_cast<double>(images_), p = accuracy(), z2n = kZ * kZ / n;
  const double center = (p + z2n / 2) / (1 + z2n),
               half = kZ * std::sqrt(p * (1 - p) / n + z2n / (4 * n)) / (1 + z2n);
  return {std::max(0.0, center - half), std::min(1.0, center + half)};
}

double Classification::loss() const { return ratio(loss_sum_, static_cast<double>(images_)); }

double Classification::top(int k) const {
  std::int64_t count = 0;
  for (std::size_t rank = 0; rank < std::min(rank_counts_.size(), static_cast<std::size_t>(k)); ++rank)
    count += rank_counts_[rank];
  return ratio(static_cast<double>(count), static_cast<double>(images_));
}

std::vector<Classification::PerClass> Classification::per_class() const {
  std::vector<PerClass> result;
  for (std::size_t k = 0; k < classes_.size(); ++k) {
    std::int64_t support = 0, predicted = 0;
    for (std::size_t j = 0; j < classes_.size(); ++j)
      support += confusion_[k][j], predicted += confusion_[j][k];
    const auto correct = static_cast<double>(confusion_[k][k]);
    const double precision = ratio(correct, static_cast<double>(predicted)),
                 recall = ratio(correct, static_cast<double>(support));
    result.push_back(
        {classes_[k], precision, recall, ratio(2 * precision * recall, precision + recall), support});
  }
  return result;
}

std::vector<Classification::ConfusedPair> Classification::most_confused(std::size_t most) const {
  std::vector<ConfusedPair> pairs;
  for (std::size_t label = 0; label < classes_.size(); ++label)
    for (std::size_t predicted = 0; predicted < classes_.size(); ++predicted)
      if (label != predicted && confusion_[label][predicted] > 0)
        pairs.push_back({label, predicted, confusion_[label][predicted]});
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const ConfusedPair& a, const ConfusedPair& b) { return a.images > b.images; });
  pairs.resize(std::min(pairs.size(), most));
  return pairs;
}

double Classification::calibration_error() const {
  double sum = 0;
  for (const ConfidenceBin& bin : bins_)
    sum += std::abs(static_cast<double>(bin.correct) - bin.confidence_sum);
  return ratio(sum, static_cast<double>(images_));
}

}  // namespace cnn
