#include "report/classification.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "core/text.h"

namespace cnn {
namespace {

constexpr std::size_t kLargestMatrix = 20;

double ratio(double a, double b) { return b == 0 ? 0 : a / b; }

/// Columns on the terminal: code points, which is right for most scripts.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string padded(const std::string& text, std::size_t width, bool left) {
  const std::string space(width > width_of(text) ? width - width_of(text) : 0, ' ');
  return left ? text + space : space + text;
}

}  // namespace

Classification::Classification(std::vector<std::string> classes)
    : classes_(std::move(classes)),
      confusion_(classes_.size(), std::vector<std::int64_t>(classes_.size())),
      rank_counts_(classes_.size()) {}

void Classification::add(int label, int predicted, std::span<const float> probabilities, double loss) {
  ++confusion_[static_cast<std::size_t>(label)][static_cast<std::size_t>(predicted)];
  ++images_;
  loss_sum_ += loss;
  // Rank of the true class: ties go to the class that comes first, as in the prediction.
  std::size_t rank = 0;
  const float own = probabilities[static_cast<std::size_t>(label)];
  for (std::size_t k = 0; k < probabilities.size(); ++k)
    rank += probabilities[k] > own || (probabilities[k] == own && k < static_cast<std::size_t>(label));
  ++rank_counts_[rank];
}

double Classification::accuracy() const {
  std::int64_t correct = 0;
  for (std::size_t k = 0; k < classes_.size(); ++k) correct += confusion_[k][k];
  return ratio(static_cast<double>(correct), static_cast<double>(images_));
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

std::string Classification::text(int top_k) const {
  std::int64_t correct = 0;
  for (std::size_t k = 0; k < classes_.size(); ++k) correct += confusion_[k][k];
  const auto [low, high] = accuracy_interval();
  std::string text =
      fmt::format("accuracy {:.2f} % ({} of {}; 95 % confidence: {:.1f} to {:.1f} %)   loss {:.4f}\n",
                  100 * accuracy(), correct, images_, 100 * low, 100 * high, loss());
  if (top_k > 1) text += fmt::format("top-{} accuracy {:.2f} %\n", top_k, 100 * top(top_k));
  std::size_t width = 5;
  std::vector<std::string> names;
  for (const std::string& name : classes_)
    names.push_back(printable(name)), width = std::max(width, width_of(names.back()));
  text += fmt::format("\n{}  precision  recall      f1  images\n", padded("class", width, true));
  const std::vector<PerClass> rows = per_class();
  for (std::size_t k = 0; k < rows.size(); ++k)
    text += fmt::format("{}  {:9.4f}  {:6.4f}  {:6.4f}  {:6}\n", padded(names[k], width, true),
                        rows[k].precision, rows[k].recall, rows[k].f1, rows[k].support);
  if (classes_.size() > kLargestMatrix) return text;
  std::size_t cell = 4;
  for (const auto& row : confusion_)
    for (const std::int64_t count : row) cell = std::max(cell, std::to_string(count).size());
  text += fmt::format("\nconfusion (rows: true class, columns: predicted, in the same order)\n");
  for (std::size_t k = 0; k < classes_.size(); ++k) {
    text += padded(names[k], width, true);
    for (const std::int64_t count : confusion_[k])
      text += fmt::format(" {:>{}}", count == 0 ? "." : std::to_string(count), cell);
    text += "\n";
  }
  return text;
}

}  // namespace cnn
