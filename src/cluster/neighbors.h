#pragma once

#include "cluster/cluster.h"

namespace cnn {

/// How many processes of the cluster share this machine and its memory, this one included. Collective.
int processes_here(Cluster& cluster);

/// The threads for this process, so that all processes of a machine together have one for each core that they
/// may use. Collective. Where Open MPI has bound the processes by its own choice, and not because it was
/// asked to, and that leaves cores without work, lifts the binding.
int threads_beside_neighbors(Cluster& cluster);

}  // namespace cnn
