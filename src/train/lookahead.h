#pragma once

#include "core/aligned_buffer.h"
#include "core/thread_pool.h"
#include "nn/network.h"
#include "train/state_parts.h"
#include "train/training_spec.h"

namespace cnn {

/// Slow weights that follow the optimizer's from time to time, and that the optimizer then goes on from (M.
/// Zhang et al., "Lookahead Optimizer: k steps forward, 1 step back", arXiv:1907.08610). Every spec.steps
/// steps, for every tensor, running statistics included:
///
///     slow = slow + alpha * (fast - slow),  fast = slow,
///     alpha = spec.alpha + (spec.final_alpha - spec.alpha) * fraction^spec.power
///
/// where fraction is the share of the training that is done.
class Lookahead {
 public:
  /// The slow weights begin as the network is.
  Lookahead(const LookaheadSpec& spec, Network& network);

  /// To be called after each step, `steps` of which are done. After the last one (fraction 1) the network
  /// gets the slow weights. It must be packed afterwards.
  void after_step(std::int64_t steps, double fraction, Network& network, ThreadPool& pool);

  void list_state(StateParts& parts);

  /// Memory for a network.
  static std::int64_t bytes(const Network& network);

 private:
  void follow(double fraction, Network& network, ThreadPool& pool);

  LookaheadSpec spec_;
  AlignedBuffer parameters_, states_;  ///< the slow ones
};

}  // namespace cnn
