#pragma once

#include <cstddef>
#include <string>

#include "report/classification.h"

namespace cnn {

/// Accuracy with its interval, top-k (if k > 1), the per-class table, the most confused pairs, calibration,
/// and the confusion matrix where it fits into `columns`, as text.
std::string evaluation_text(const Classification& results, int top_k, std::size_t columns);

}  // namespace cnn
