#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "train/training_spec.h"

namespace cnn {

/// The factor of each class in the training loss, or nothing if all are 1. balanced: images / (classes *
/// images of the class), 0 for a class without images. labels: of the training images. Throws Error (exit 2)
/// for an unknown class name.
std::vector<float> class_weights(const ClassWeightsSpec& spec, std::span<const std::string> classes,
                                 std::span<const std::int32_t> labels);

}  // namespace cnn
