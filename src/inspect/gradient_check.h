#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/thread_pool.h"
#include "inspect/image_batch.h"
#include "inspect/step_trace.h"
#include "nn/network_spec.h"

namespace cnn {

/// The engine's gradient of one parameter tensor beside that of the plain reference.
struct TensorCheck {
  std::string tensor;          ///< "conv1.weight"
  std::int64_t values = 0;     ///< numbers in it
  std::int64_t looked_at = 0;  ///< of them one by one
  double largest = 0;          ///< magnitude of the engine's gradient
  /// The largest difference of the entries looked at, relative to the tensor's largest gradient.
  double entry_error = 0;
  /// Difference of the derivatives along one direction that moves every entry, up or down at random, relative
  /// to the length of the gradient: no entry can be wrong unseen.
  double direction_error = 0;
  std::int64_t worst = 0;  ///< entry with the largest difference, and its two gradients
  double worst_engine = 0, worst_reference = 0;

  double error() const;
};

struct GradientCheck {
  std::vector<TensorCheck> tensors;
  double engine_loss = 0, reference_loss = 0;

  /// Relative errors above this are wrong. The engine's own are near 1e-6: single precision. The margin is
  /// for values that lie so close to the kink of a relu, or to another value of a max-pool's window, that
  /// single and double precision take different sides.
  static constexpr double kTolerance = 1e-3;
  double loss_error() const;
  bool ok() const;
};

/// Compares a gradient of the trace's step, one number for each of network.parameters(), with the derivative
/// of the plain reference in double precision: by the complex step, F'(x) = Im F(x + ih) / h, which has no
/// cancellation. `spec` is what the trace's network was made from, `batch` what went through it. How many
/// entries are checked one by one depends only on the cost of the network: at most `most_entries` of a
/// tensor. Uses all workers of the pool; progress (may be empty) is called by worker 0.
GradientCheck compare_with_reference(
    const StepTrace& trace, std::span<const float> gradient, const NetworkSpec& spec, const ImageBatch& batch,
    ThreadPool& pool, int most_entries = 40,
    const std::function<void(std::int64_t done, std::int64_t total)>& progress = {});

/// The table, and what it means; the last line begins with "ok" or "not ok".
std::string text_of(const GradientCheck& check);

}  // namespace cnn
