#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace cnn {

/// A row of metrics.csv; NaN: empty.
struct EpochMetrics {
  int epoch = 0;
  double train_loss = 0, train_accuracy = 0, validation_loss = 0, validation_accuracy = 0;
  double learning_rate = 0, seconds = 0, images_per_second = 0;
};

/// A row of activations.csv.
struct LayerStatistics {
  int epoch = 0;
  std::string layer;
  std::int64_t values = 0;  ///< for one image
  double active_fraction = 0, mean = 0, standard_deviation = 0;
  double gradient_norm = 0;  ///< of its parameters, in the epoch's last step; NaN: it has none
};

/// What the tables of a run folder hold, however many runs of the program wrote them.
struct RunHistory {
  std::vector<EpochMetrics> epochs;
  std::vector<LayerStatistics> layers;  ///< epoch by epoch, within one in the order of computation
};

/// Reads both tables. Columns are found by their names; further ones are ignored. Throws Error (exit 1) with
/// file and line for what cannot be read.
RunHistory read_run_history(const std::filesystem::path& folder);

/// The cells of CSV text, quotes resolved.
std::vector<std::vector<std::string>> parse_csv(const std::string& text);

}  // namespace cnn
