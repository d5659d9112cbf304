#pragma once

#include <spdlog/logger.h>

#include "session/training_setup.h"

namespace cnn {

/// Says what a training begins with: data, notes, filter, layers and their warnings, threads and memory.
void describe(const TrainingSetup& setup, spdlog::logger& log, bool with_layers);

}  // namespace cnn
