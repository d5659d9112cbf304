#pragma once

#include <span>
#include <string>
#include <vector>

#include "report/run_history.h"

namespace cnn {

/// A layer whose numbers say that it learns nothing, or too wildly.
struct LayerComplaint {
  std::string layer;
  std::string kind;     ///< "dead", "constant" or "exploding"
  std::string message;  ///< names the layer, the number, and what to try
  friend bool operator==(const LayerComplaint&, const LayerComplaint&) = default;
};

/// Looks at the statistics of one epoch, in the order of computation. Dead: under 1 % of the values are
/// active; not checked for the last layer, which has one value per class. Constant: a standard deviation
/// below a millionth of the mean, as when a sigmoid is saturated. Exploding: a standard deviation or a
/// gradient's norm above 1,000, or no number at all.
std::vector<LayerComplaint> layer_complaints(std::span<const LayerStatistics> layers);

}  // namespace cnn
