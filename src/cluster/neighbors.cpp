#include "cluster/neighbors.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include "cluster/messages.h"
#include "core/processor_set.h"
#include "core/processors.h"

namespace cnn {
namespace {

/// Where a process runs.
struct Seat {
  std::array<char, 40> machine{};  // its boot's number: names are not always different
  ProcessorSet cores;
};

Seat seat() {
  Seat seat;
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string boot;
  std::getline(file, boot);
  std::memcpy(seat.machine.data(), boot.data(), std::min(boot.size(), seat.machine.size()));
  if (boot.empty()) ::gethostname(seat.machine.data(), seat.machine.size() - 1);  // not Linux
  seat.cores = ProcessorSet::of_this_process();
  return seat;
}

/// This process's part of the cores that it may use.
int threads_of(Cluster& cluster) {
  const Seat mine = seat();
  int sharing = 0;  // how many use the same cores, this process included
  for (const Seat& other : gathered(cluster, mine))
    sharing += other.machine == mine.machine && mine.cores.meets(other.cores);
  return std::max(1, usable_processors() / std::max(1, sharing));
}

/// By default, Open MPI binds the processes of a small job to a core each.
bool bound_by_default() {
  return std::getenv("OMPI_MCA_orte_bound_at_launch") && !std::getenv("OMPI_MCA_hwloc_base_binding_policy") &&
         !std::getenv("OMPI_MCA_rmaps_base_mapping_policy");
}

}  // namespace

int processes_here(Cluster& cluster) {
  if (cluster.size() == 1) return 1;
  const Seat mine = seat();
  const std::vector<Seat> all = gathered(cluster, mine);
  return static_cast<int>(
      std::ranges::count_if(all, [&](const Seat& other) { return other.machine == mine.machine; }));
}

int threads_beside_neighbors(Cluster& cluster) {
  const int bound = threads_of(cluster);
  // All of them, or none: who keeps its core would have it taken by the others.
  const auto wish = gathered(cluster, static_cast<int>(bound_by_default()));
  if (std::ranges::count(wish, 1) < cluster.size()) return bound;
  const ProcessorSet before = ProcessorSet::of_this_process();
  ProcessorSet::all().apply_to_this_process();
  const int unbound = threads_of(cluster);
  const auto better = gathered(cluster, static_cast<int>(unbound > bound));
  if (std::ranges::count(better, 1) > 0) return unbound;
  before.apply_to_this_process();
  return bound;
}

}  // namespace cnn
