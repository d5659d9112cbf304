#pragma once

#include <string>

#include "train/step_timing.h"

namespace cnn {

/// Where the time of a training step goes, as text: a line per layer with microseconds for an image and, for
/// convolutions and dense layers, the rate as a share of the FMA loop's; the other parts; the totals.
std::string timing_table(const StepTiming& timing);

}  // namespace cnn
