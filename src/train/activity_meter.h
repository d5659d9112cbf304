#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "kernels/elementwise.h"
#include "nn/runner.h"

namespace cnn {

/// How lively the output of an entry is, after its activation function.
struct LayerActivity {
  std::string layer;
  std::int64_t values = 0;  ///< for one image
  double active_fraction = 0, mean = 0, standard_deviation = 0;
  /// Of its parameters, in the last step before the measurement; NaN: it has none.
  double gradient_norm = std::numeric_limits<double>::quiet_NaN();
};

/// Looks at the outputs of all entries while batches go through a network. One set of sums per block, added
/// up in the order of the blocks: the result does not depend on the threads.
class ActivityMeter {
 public:
  /// The network must outlive the meter.
  ActivityMeter(const Network& network, std::int64_t largest_batch);
  ActivityMeter(const ActivityMeter&) = delete;
  ActivityMeter& operator=(const ActivityMeter&) = delete;

  /// To be given to the runner; it must not outlive the meter.
  const Observer& observer() const { return observer_; }

  /// To be called after each batch.
  void end_pass();

  /// The statistics over all passes since the last call, without gradients.
  std::vector<LayerActivity> take();

 private:
  const Network& network_;
  std::vector<std::vector<ValueStatistics>> blocks_;  // [block][row]
  std::vector<ValueStatistics> totals_;
  Observer observer_;
};

}  // namespace cnn
