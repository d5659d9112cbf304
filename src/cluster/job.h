#pragma once

#include <memory>
#include <optional>

#include "cluster/cluster.h"
#include "cluster/link_cluster.h"
#include "cluster/mpi_cluster.h"

namespace cnn {

/// A program's part in what its launcher (mpirun, srun) started. Without one, or if it started a single
/// process, nothing happens and the program is a cluster of one.
class Job {
 public:
  /// Joins the others. With CNN_LINK in the environment (as in CNN_LINK=50us,1Gbit) messages take as long as
  /// over such a link. Throws Error (exit 2) if there are others that this program cannot join.
  Job();
  ~Job();

  Cluster& cluster();
  /// Whether this process is the one that speaks: known even if the job could not be joined.
  static bool speaks();
  /// How many threads this process should use: the cores of the machine, shared with its neighbors.
  int threads() const { return threads_; }

  /// To be called at the end, whatever happened, with this process's exit status; returns what the program
  /// must return. Does not return after a fault: process 0 ends all processes.
  int leave(int status);

 private:
  SingleProcess alone_;
  std::unique_ptr<JoinedCluster> joined_;
  std::optional<LinkCluster> over_link_;
  int threads_;
};

}  // namespace cnn
