#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "report/evaluation_record.h"
#include "report/filters.h"
#include "report/layer_table.h"
#include "report/run_history.h"

namespace cnn {

/// Everything that the page of a training shows.
struct TrainingReport {
  std::string name;
  std::string state;      ///< a sentence: "Finished.", "Stopped after 3 of 8 epochs: interrupted."
  bool finished = false;  ///< all of the training is known
  int best_epoch = 0;
  RunHistory history;
  std::vector<LayerRow> layers;
  std::string input;              ///< its shape
  std::int64_t input_values = 0;  ///< of one image
  bool has_validation_images = false;
  std::optional<EvaluationRecord> validation, test;
  int validation_epoch = 0;  ///< after which the validation record was made
  std::optional<Filters> filters;
  std::string config;  ///< JSON
  std::vector<std::pair<std::string, std::string>> environment;
};

/// report.html: curves, layers, evaluations, filters, config and environment on one page.
std::string training_page(const TrainingReport& report);

}  // namespace cnn
