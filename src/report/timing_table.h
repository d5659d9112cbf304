#pragma once

#include <string>

#include "train/step_timing.h"

namespace cnn {

/// Where the time of a training step goes, as text: a line per layer with microseconds for an image and, for
/// convolutions and dense layers, GFLOP/s and their share of the FMA loop's; the other parts; the totals.
/// Where 90 columns are too many, GFLOP/s are left out and names are cut.
std::string timing_table(const StepTiming& timing, int columns);

/// How training would scale over threads, as text: a line for each number of them, without the memory's rate
/// where 84 columns are too many.
std::string forecast_table(const StepTiming& timing, int columns);

}  // namespace cnn
