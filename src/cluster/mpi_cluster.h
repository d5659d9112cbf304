#pragma once

#include <memory>

#include "cluster/cluster.h"

namespace cnn {

/// A cluster that was joined and must be left.
class JoinedCluster : public Cluster {
 public:
  /// Leaves together with all others, and returns the exit status of process 0, the same for all. After a
  /// fault it does not return: the job ends with the status that process 0 gives here. Throws ClusterError if
  /// a fault is reported meanwhile; then call it again.
  virtual int leave(int status) = 0;
};

/// All processes of MPI's world. Null if this program was built without MPI. All calls of MPI come from the
/// thread that calls this (MPI_THREAD_FUNNELED), and none of them blocks: whoever waits also looks for
/// faults.
std::unique_ptr<JoinedCluster> join_mpi();

}  // namespace cnn
