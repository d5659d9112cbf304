#pragma once

#include "core/aligned_buffer.h"
#include "core/thread_pool.h"
#include "nn/network.h"
#include "train/state_parts.h"
#include "train/training_spec.h"

namespace cnn {

/// An exponential moving average a of every tensor t of a network, running statistics included: after the
/// first step a = t, after each further one a = decay * a + (1 - decay) * t. This is what
/// torch.optim.swa_utils.AveragedModel does with get_ema_multi_avg_fn(decay) and use_buffers=True.
class WeightAveraging {
 public:
  WeightAveraging(const WeightAveragingSpec& spec, Network& network);

  /// To be called after each step.
  void update(Network& network, ThreadPool& pool);

  /// Exchanges the network's tensors and the averages; a second call exchanges them back. The network must be
  /// packed afterwards. Before the first update() it does nothing.
  void swap(Network& network);

  void list_state(StateParts& parts);

  /// Memory for a network.
  static std::int64_t bytes(const Network& network);

 private:
  double decay_;
  std::int64_t updates_ = 0;
  AlignedBuffer parameters_, states_;
};

}  // namespace cnn
