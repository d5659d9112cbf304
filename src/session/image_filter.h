#pragma once

#include <spdlog/logger.h>

#include <atomic>
#include <string>

#include "session/training_setup.h"
#include "session/voice.h"

namespace cnn {

/// Trains the proxy network of a setup that has one, and gives the setup the images that were hard for it.
/// False: `stop` came first, and the setup cannot be used.
bool filter_images(TrainingSetup& setup, const std::atomic<bool>& stop, const Voice& voice,
                   spdlog::logger& log);

/// "500 of 1,000 training images".
std::string kept_count(const TrainingSetup& setup);
/// "500 of 1,000 training images: cat 300 of 600, dog 200 of 400".
std::string kept_by_class(const TrainingSetup& setup);

}  // namespace cnn
