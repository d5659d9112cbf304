#pragma once

#include <functional>
#include <string>
#include <vector>

#include "nn/network.h"
#include "train/activity_meter.h"

namespace cnn {

/// Everything that decides what the first `front` nodes of a network make of an input. front_text: see
/// FeatureStoreSpec.
std::string front_identity(const Network& network, int front,
                           const std::function<std::string(const std::string&)>& front_text);

/// What is kept of a LayerActivity.
struct ActivityNumbers {
  double active_fraction = 0, mean = 0, standard_deviation = 0;
};

/// Up to the last layer that was seen.
std::vector<ActivityNumbers> numbers_of(const std::vector<LayerActivity>& layers);
/// Of all layers of a network; those without numbers have not been seen.
std::vector<LayerActivity> to_activity(const std::vector<ActivityNumbers>& numbers, const Network& network);

}  // namespace cnn
