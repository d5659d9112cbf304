#pragma once

#include <cstdint>
#include <limits>

#include "core/thread_pool.h"
#include "nn/network.h"
#include "train/step_timing.h"
#include "train/training_spec.h"

namespace cnn {

/// Trains on random images (bytes, batch `images`) for about `seconds`, each step in turns with the FMA loop,
/// then evaluates for a third of that. Changes the network's weights. `images` is at most
/// network.largest_batch(). most_bytes_per_second: what all cores of the machine together can move from and
/// to memory, for the forecast.
StepTiming measure_step(Network& network, ThreadPool& pool, const OptimizerSpec& optimizer,
                        std::int64_t images, double seconds,
                        double most_bytes_per_second = std::numeric_limits<double>::infinity());

}  // namespace cnn
