#pragma once

#include "train/training_spec.h"

namespace cnn {

/// How the proxy network of training.filter is trained: with what the rows of `training` say that it
/// inherits, for its own number of epochs, and with nothing that only the end of a training needs.
TrainingSpec proxy_training(const TrainingSpec& training);

}  // namespace cnn
