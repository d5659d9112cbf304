#pragma once

#include <string>
#include <vector>

#include "session/environment.h"
#include "session/evaluator.h"

namespace cnn {

/// What a model sees on images without a label, the most probable classes first.
class UnlabeledImages {
 public:
  /// most: how many classes are listed per image. The classes must outlive the object.
  UnlabeledImages(const std::vector<std::string>& classes, int most) : classes_(classes), most_(most) {}

  /// "images/a.png:  cat 98.12 %  dog 1.50 %".
  std::string line_of(const Evaluator::Seen& seen) const;
  /// Keeps an image for json(), as text: hundreds of thousands of them fit into memory.
  void keep(const Evaluator::Seen& seen);
  /// {"path": ..., "predictions": [...]} of the kept images, one per line, separated by commas.
  const std::string& json() const { return json_; }

 private:
  std::vector<std::size_t> most_probable(std::span<const float> probabilities) const;

  const std::vector<std::string>& classes_;
  const int most_;
  std::string json_;
};

/// The results of an evaluation as a JSON object, for scripts.
std::string evaluation_json(const Evaluator& evaluator, const UnlabeledImages& unlabeled, int top_k);

/// The results as a page. name: of the model; what: where its images are from.
std::string evaluation_report(Evaluator& evaluator, const std::string& name, const std::string& what,
                              const Workers& workers);

}  // namespace cnn
