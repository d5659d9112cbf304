#pragma once

#include <optional>
#include <span>
#include <vector>

#include "nn/network.h"
#include "train/evaluation.h"

namespace cnn {

/// One row of metrics.csv, and what the log says about the layers.
struct EpochResult {
  int epoch = 0;  ///< from 1
  double train_loss = 0, train_accuracy = 0;
  std::optional<Evaluation> validation;
  double learning_rate = 0;  ///< of the last step
  double seconds = 0;        ///< of the training part, data included
  double images_per_second = 0;
  /// So far: by validation accuracy, then loss, then earliest; without validation the last.
  bool best = false;
  std::vector<LayerActivity> activity;  ///< one for each of the network's layers()
};

/// All epochs as numbers for a checkpoint, and back, bit for bit. What belongs to the network (names and
/// sizes of layers) is not among them. Throws Error (exit 1) if the numbers are not those of epochs 1, 2, ...
/// with or without validation.
std::vector<double> to_numbers(std::span<const EpochResult> epochs);
std::vector<EpochResult> to_epochs(std::span<const double> numbers, const Network& network, bool validated);

/// The last one that is best. There must be one.
const EpochResult& best_of(std::span<const EpochResult> epochs);

}  // namespace cnn
