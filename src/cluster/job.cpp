#include "cluster/job.h"

#include <cstdlib>

#include "cluster/launch.h"
#include "cluster/neighbors.h"
#include "core/processors.h"

namespace cnn {

Job::Job() : threads_(usable_processors()) {
  const Launch launch = launch_of_environment();
  if (launch.size <= 1) return;
  const char* wanted = std::getenv("CNN_LINK");
  const auto link = wanted ? std::optional(to_link(wanted)) : std::nullopt;
  auto joined = join_mpi();
  if (!joined)
    fail_usage(
        "this is one of {} processes of an mpirun, but the program was built without MPI, so they cannot "
        "work together. Build it with MPI (apt-get install libopenmpi-dev, then configure anew with "
        "-DCNN_MPI=ON), or start it without mpirun",
        launch.size);
  if (joined->size() != launch.size)
    fail_usage(
        "this is one of {} processes of an mpirun, but MPI finds {}: the mpirun belongs to another MPI than "
        "the one that this program was built with. Use that one's mpirun (mpirun.openmpi, mpirun.mpich); "
        "with Slurm, srun --mpi=pmix or --mpi=pmi2",
        launch.size, joined->size());
  joined_ = std::move(joined);
  threads_ = threads_beside_neighbors(*joined_);
  if (link) over_link_.emplace(*joined_, *link);
}

Job::~Job() = default;

Cluster& Job::cluster() {
  if (over_link_) return *over_link_;
  if (joined_) return *joined_;
  return alone_;
}

bool Job::speaks() { return launch_of_environment().rank == 0; }

int Job::leave(int status) { return joined_ ? joined_->leave(status) : status; }

}  // namespace cnn
