#pragma once

#include <cstdint>
#include <vector>

#include "cluster/cluster.h"
#include "core/aligned_buffer.h"
#include "nn/leaves.h"

namespace cnn {

/// Brings the gradients of all processes together, in the order of the tree (nn/leaves.h). Each process has
/// added the leaves of its nodes. The parameters are dealt to the processes: the owner of a part gets every
/// node's sum of it, adds them, and sends the result to all. A part on its way does not keep anybody from
/// computing; so what is known early (the last layers) travels while the rest is computed.
class GradientExchange {
 public:
  /// gradients: where the results go. nodes: the sums of this process, one array like `gradients` for each of
  /// its nodes.
  GradientExchange(Cluster& cluster, float* gradients, float* nodes, std::int64_t parameter_floats);

  /// Before the first part of a batch.
  void begin(const Leaves& leaves);
  /// The sums of this process of parameters [first, end) are there. All processes call it for the same parts
  /// in the same order.
  void start(std::int64_t first, std::int64_t end);
  /// Moves on what has arrived.
  void progress();
  /// Until everything has arrived.
  void finish();

 private:
  /// A part that one process owns.
  struct Part {
    std::int64_t first, count;
    int owner, number;
    std::vector<Cluster::Ticket> open;  ///< messages under way
    bool added = false;                 ///< the owner's sum is there
  };
  void start_part(Part part);
  bool advance(Part& part);
  void add_nodes(Part& part);
  float* inbox(const Part& part);
  const std::vector<Extent>& nodes_of(int process) const {
    return nodes_of_[static_cast<std::size_t>(process)];
  }
  float* own_node(const Part& part, std::size_t n) const {
    return nodes_ + static_cast<std::int64_t>(n) * parameter_floats_ + part.first;
  }
  static int sum_tag(const Part& part) { return 2 * part.number; }
  static int result_tag(const Part& part) { return 2 * part.number + 1; }

  Cluster& cluster_;
  float* gradients_;
  float* nodes_;
  std::int64_t parameter_floats_;
  int leaves_ = 0;
  std::vector<std::vector<Extent>> nodes_of_;  ///< of each process
  std::vector<Part> parts_;                    ///< that are not done
  int next_number_ = 0;
  std::vector<AlignedBuffer> inboxes_;  ///< of each part by number, where the owner gets the sums of others
};

}  // namespace cnn
