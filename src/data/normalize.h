#pragma once

#include <vector>

#include "cluster/cluster.h"
#include "core/thread_pool.h"
#include "data/data_spec.h"
#include "data/dataset.h"

namespace cnn {

/// The network's input is (value - mean) / std, per channel, of values in 0..1. A part of every model.
struct Normalize {
  std::vector<double> mean, std;
};

/// Population mean and standard deviation per channel over all pixels of all images; bytes as 0..1, floats as
/// they are. The same bits on any number of threads: bytes are summed in integers, floats in a fixed order.
/// A standard deviation of zero is reported as 1. Throws Error for an empty set or a value that is not
/// finite. In a cluster, each process reads a share of the bytes.
Normalize channel_statistics(const Dataset& dataset, ThreadPool& pool, Cluster& cluster = alone());

/// What a config's "normalize" means for this training part. Throws Error if the given numbers do not fit.
Normalize resolve_normalize(const NormalizeSpec& spec, const Dataset& train, ThreadPool& pool,
                            Cluster& cluster = alone());

}  // namespace cnn
