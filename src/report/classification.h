#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace cnn {

/// Counts of predictions by true and predicted class, and what follows from them.
class Classification {
 public:
  explicit Classification(std::vector<std::string> classes);

  /// One labeled image. `probabilities` per class: for top-k.
  void add(int label, int predicted, std::span<const float> probabilities, double loss);

  struct PerClass {
    std::string name;
    double precision, recall, f1;  ///< 0/0 is 0
    std::int64_t support;          ///< images of the class
  };

  std::int64_t images() const { return images_; }
  double accuracy() const;
  /// Where the accuracy on many more such images lies, with 95 % confidence: Wilson's interval.
  /// Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
  std::pair<double, double> accuracy_interval() const;
  double loss() const;
  /// Share of images whose class is among the k most probable.
  double top(int k) const;
  std::vector<PerClass> per_class() const;
  /// [true][predicted]
  const std::vector<std::vector<std::int64_t>>& confusion() const { return confusion_; }

  /// Accuracy, the per-class table, and the confusion matrix where it fits (up to 20 classes), as text.
  std::string text(int top_k) const;

 private:
  std::vector<std::string> classes_;
  std::vector<std::vector<std::int64_t>> confusion_;
  std::vector<std::int64_t> rank_counts_;  ///< images whose class has that rank
  std::int64_t images_ = 0;
  double loss_sum_ = 0;
};

}  // namespace cnn
