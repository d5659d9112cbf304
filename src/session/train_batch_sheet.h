#pragma once

#include <cstdint>
#include <string>

#include "nn/shape.h"
#include "report/canvas.h"
#include "session/training_data.h"
#include "train/training_spec.h"

namespace cnn {

/// train_batch.png: what the network really sees in the first batch of the first epoch, augmented and
/// normalized, made visible again, with the labels; of a large batch the first 64 images.
Canvas train_batch_sheet(const TrainingData& data, const Shape& input, const TrainingSpec& spec,
                         std::uint64_t seed, const std::string& name);

}  // namespace cnn
