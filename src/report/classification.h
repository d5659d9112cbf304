#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace cnn {

/// Counts of predictions by true and predicted class and by confidence, and what follows from them.
class Classification {
 public:
  explicit Classification(std::vector<std::string> classes);

  /// One labeled image. `probabilities` per class: for top-k and calibration.
  void add(int label, int predicted, std::span<const float> probabilities, double loss);

  struct PerClass {
    std::string name;
    double precision, recall, f1;  ///< 0/0 is 0
    std::int64_t support;          ///< images of the class
  };
  /// Two classes and how often the first was taken for the second.
  struct ConfusedPair {
    std::size_t label, predicted;
    std::int64_t images;
  };
  /// Predictions whose confidence (the probability of the predicted class) is in (from, to].
  struct ConfidenceBin {
    double from, to;
    std::int64_t images, correct;
    double confidence_sum;
    double accuracy() const {
      return images == 0 ? 0 : static_cast<double>(correct) / static_cast<double>(images);
    }
    double confidence() const { return images == 0 ? 0 : confidence_sum / static_cast<double>(images); }
  };

  const std::vector<std::string>& classes() const { return classes_; }
  std::int64_t images() const { return images_; }
  std::int64_t correct() const;
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
  /// The pairs of different classes with the most mistakes, the most first, at most `most`.
  std::vector<ConfusedPair> most_confused(std::size_t most) const;
  /// 15 bins of equal width from 0 to 1.
  std::span<const ConfidenceBin> confidence_bins() const { return bins_; }
  /// Expected calibration error: the mean distance between confidence and accuracy over the bins, weighted by
  /// their images; 0 for a model that is right as often as it says.
  /// Source: Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", 2017, equation 3.
  double calibration_error() const;

  /// The counts that everything here follows from.
  struct Counts {
    std::vector<std::vector<std::int64_t>> confusion;
    std::vector<std::int64_t> ranks;  ///< images whose class has that rank among the probabilities
    std::vector<ConfidenceBin> bins;
    double loss_sum = 0;
  };
  Counts counts() const { return {confusion_, rank_counts_, bins_, loss_sum_}; }
  /// Throws std::invalid_argument for counts that do not go together.
  Classification(std::vector<std::string> classes, Counts counts);

 private:
  std::vector<std::string> classes_;
  std::vector<std::vector<std::int64_t>> confusion_;
  std::vector<std::int64_t> rank_counts_;
  std::vector<ConfidenceBin> bins_;
  std::int64_t images_ = 0;
  double loss_sum_ = 0;
};

}  // namespace cnn
