#pragma once

#include <functional>

#include "cluster/cluster.h"

namespace cnn {

/// Calls body() in `size` threads at once, each with its process of one cluster: for tests, and for what
/// works without MPI. What a body throws is reported to the others as its fault. When all have ended, the
/// exception of the one that failed first is thrown here.
void run_as_cluster(int size, const std::function<void(Cluster&)>& body);

}  // namespace cnn
