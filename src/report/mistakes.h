#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace cnn {

/// An image whose class was not the predicted one.
struct Mistake {
  std::int64_t image = -1;  ///< its number in the set
  std::string path;
  int label = 0, predicted = 0;
  double confidence = 0;        ///< probability of the predicted class
  double label_confidence = 0;  ///< probability of the true class
  double loss = 0;
  std::vector<std::byte> pixels;  ///< as its data set has them; may be empty
  std::string picture;            ///< as an address for <img>; may be empty
  std::string reason;             ///< the same of what speaks for the predicted class; may be empty
};

/// Keeps the wrong predictions with the greatest losses: those that the model was most sure of.
class WorstMistakes {
 public:
  explicit WorstMistakes(std::size_t most = 24) : most_(most) {}

  /// Any labeled image; right predictions are passed over.
  void add(std::int64_t image, int label, int predicted, std::span<const float> probabilities, double loss);
  /// In no order. Paths and pictures may be put in.
  std::span<Mistake> kept() { return mistakes_; }

  /// The greatest loss first; the earlier image where two are equal.
  std::vector<Mistake> sorted() const;

 private:
  std::size_t most_;
  std::vector<Mistake> mistakes_;
};

}  // namespace cnn
