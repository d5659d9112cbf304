#pragma once

#include <string>
#include <utility>
#include <vector>

#include "report/line_chart.h"

namespace cnn {

/// What a sweep of learning rates found, for a chart and a page.
struct LearningRateReport {
  std::string name;
  std::vector<double> rates, losses, smoothed;  ///< of each step
  double suggestion = 0;                        ///< 0: none
  std::string verdict;                          ///< in words
  std::string config;                           ///< JSON
  std::vector<std::pair<std::string, std::string>> environment;
};

/// The smoothed loss over the learning rate, with the suggestion marked; what lies far above the beginning is
/// left out. raw: with the losses of the single steps as a second line.
LineChart learning_rate_chart(const LearningRateReport& report, bool raw);

/// The page of a sweep.
std::string learning_rate_page(const LearningRateReport& report);

}  // namespace cnn
