#pragma once

#include <spdlog/logger.h>

#include "session/training_setup.h"
#include "session/voice.h"

namespace cnn {

/// Says what a training begins with: data, notes, filter, warnings of the layers, threads and memory.
void describe(const TrainingSetup& setup, spdlog::logger& log);

/// The same with a table of the layers, by voice, if it introduces, and in the log: whole in the log, and as
/// far as it fits on the terminal.
void introduce(const TrainingSetup& setup, const Voice& voice, RunLog& log);

}  // namespace cnn
