#pragma once

#include "core/thread_pool.h"
#include "inspect/inspected.h"

namespace cnn {

/// --time: the time of each layer in a training step on random images, and how it would scale over threads,
/// on stdout. Trains for a few seconds. memory_bandwidth: in bytes a second; infinite if it is not known.
void print_timing(const Inspected& inspected, ThreadPool& pool, double memory_bandwidth);

}  // namespace cnn
