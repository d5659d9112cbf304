#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "cluster/cluster.h"
#include "kernels/value_statistics.h"
#include "nn/runner.h"

namespace cnn {

/// Images over which layers are measured after an epoch.
constexpr std::int64_t kActivityImages = 1000;

/// How lively the output of an entry is, after its activation function.
struct LayerActivity {
  std::string layer;
  std::int64_t values = 0;  ///< for one image
  double active_fraction = 0, mean = 0, standard_deviation = 0;
  /// Of its parameters, in the last step before the measurement; NaN: it has none.
  double gradient_norm = std::numeric_limits<double>::quiet_NaN();
};

/// Looks at the outputs of all entries while batches go through a network. One set of sums per block, added
/// up in the order of the blocks: the result does not depend on threads or processes.
class ActivityMeter {
 public:
  /// The network must outlive the meter. images: in all passes until take().
  ActivityMeter(const Network& network, std::int64_t images);
  ActivityMeter(const ActivityMeter&) = delete;
  ActivityMeter& operator=(const ActivityMeter&) = delete;

  /// To be given to the runner; it must not outlive the meter.
  const Observer& observer() const { return observer_; }

  /// To be called before each batch but the first: its first block is this one of all.
  void begin_pass(std::int64_t first_block) { first_block_ = static_cast<std::size_t>(first_block); }

  /// The statistics over all passes since the last call, without gradients. Collective: each process has seen
  /// some of the blocks.
  std::vector<LayerActivity> take(Cluster& cluster);

 private:
  const Network& network_;
  const std::size_t rows_;
  std::vector<ValueStatistics> seen_;  // [block][row]
  std::size_t first_block_ = 0;        // of the pass
  Observer observer_;
};

}  // namespace cnn
