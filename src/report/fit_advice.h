#pragma once

#include <span>
#include <string>

#include "report/run_history.h"

namespace cnn {

/// What the curves of a whole training say, with what to do about it, in sentences. "": nothing, or there are
/// no validation images. Training accuracy is that of the steps, augmentation and dropout included.
///
/// Overfitting: at the end at least 90 % of the training images are right, and at least 10 points more than
/// of the validation images. Underfitting: under 90 % of the training images are right, at most 3 points more
/// than of the validation images, and the training loss still fell by 1 % or more in the last epoch.
std::string fit_advice(std::span<const EpochMetrics> epochs);

}  // namespace cnn
