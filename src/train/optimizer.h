#pragma once

#include <cstdint>
#include <span>

#include "core/aligned_buffer.h"
#include "core/thread_pool.h"
#include "train/state_parts.h"
#include "train/training_spec.h"

namespace cnn {

/// sgd, adam or adamw over the whole block of a network's parameters. The padding between tensors has
/// gradient 0 and weight 0, so it stays 0.
class Optimizer {
 public:
  Optimizer(const OptimizerSpec& spec, std::int64_t parameter_floats);

  /// The learning rate of the config.
  double base_learning_rate() const;

  /// One step with learning rate base_learning_rate() * factor. Spread over the pool; every number is updated
  /// by the same operations whatever the number of threads.
  void step(double factor, std::span<const float> gradients, std::span<float> parameters, ThreadPool& pool);

  std::int64_t steps() const { return steps_; }

  /// What the next step depends on besides its arguments.
  void list_state(StateParts& parts);

  /// Memory for `parameter_floats` parameters.
  static std::int64_t bytes(const OptimizerSpec& spec, std::int64_t parameter_floats);

 private:
  OptimizerSpec spec_;
  AlignedBuffer first_, second_;  ///< momentum or mean, and mean square
  std::int64_t steps_ = 0;
};

}  // namespace cnn
