#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "report/evaluation_record.h"
#include "report/filters.h"

namespace cnn {

/// Everything that the page of cnn-eval shows.
struct EvaluationReport {
  std::string name;  ///< of the model
  std::string what;  ///< the images, in words
  EvaluationRecord record;
  std::vector<std::pair<std::string, std::string>> bad_images;  ///< path and reason
  std::optional<Filters> filters;
  std::string config;  ///< JSON
  std::vector<std::pair<std::string, std::string>> environment;
};

/// The results on labeled images, with the parts of a training's page.
std::string evaluation_page(const EvaluationReport& report);

}  // namespace cnn
