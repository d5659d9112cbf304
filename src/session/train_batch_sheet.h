#pragma once

#include <spdlog/logger.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "nn/shape.h"
#include "report/canvas.h"
#include "session/training_data.h"
#include "session/training_setup.h"
#include "train/training_spec.h"

namespace cnn {

/// train_batch.png: what the network really sees in the first batch of the first epoch, augmented and
/// normalized, made visible again, with the labels; of a large batch the first 64 images.
Canvas train_batch_sheet(const TrainingData& data, const Shape& input, const TrainingSpec& spec,
                         std::uint64_t seed, const std::string& name);

/// Draws it into a file as well. A picture that cannot be written does not stop the training.
Canvas write_sheet(const TrainingSetup& setup, const std::filesystem::path& file, spdlog::logger& log);

}  // namespace cnn
