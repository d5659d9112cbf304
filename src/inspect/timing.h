#pragma once

#include "core/thread_pool.h"
#include "inspect/inspected.h"

namespace cnn {

/// --time: the time of each layer in a training step on random images, on stdout. Trains for a few seconds.
void print_timing(const Inspected& inspected, ThreadPool& pool);

}  // namespace cnn
