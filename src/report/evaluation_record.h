#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "report/classification.h"
#include "report/mistakes.h"

namespace cnn {

/// One evaluation of a model on labeled images, as pages show it and files keep it.
struct EvaluationRecord {
  Classification results;
  std::vector<Mistake> mistakes;  ///< the worst first
};

/// {"images", "accuracy", "accuracy_interval", "loss", "top_k", "ece", "reliability",
/// "per_class", "most_confused", "confusion"}: what follows from the counts, for people's scripts.
nlohmann::ordered_json results_json(const Classification& results, int top_k);

/// results_json, and "ranks", "loss_sum", "mistakes": enough to read it back exactly.
nlohmann::ordered_json to_json(const EvaluationRecord& record);

/// Reads what to_json wrote, for these classes. Throws nlohmann::json::exception or std::invalid_argument.
EvaluationRecord evaluation_from_json(const nlohmann::ordered_json& json, std::vector<std::string> classes);

}  // namespace cnn
