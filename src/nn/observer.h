#pragma once

#include <functional>

#include "core/block.h"

namespace cnn {

/// Sees the output of every entry, right after it was computed. Called by several workers at once.
using Observer = std::function<void(int row, int block, int images, BlockView<const float> y)>;

/// Sees all that a training step computes, node by node: for teaching and checking. Called by several workers
/// at once.
class StepObserver {
 public:
  virtual ~StepObserver() = default;
  /// Right after it was computed.
  virtual void output(int node, int block, int images, BlockView<const float> y) = 0;
  /// d(loss)/dy, before the node's backward pass reads it (and perhaps changes it).
  virtual void output_gradient(int node, int block, int images, BlockView<const float> dy) = 0;
  /// The part of d(loss)/dx that goes back through this node: to its input, or to the shortcut of a sum.
  virtual void input_gradient(int node, bool shortcut, int block, int images, BlockView<const float> dx) = 0;
};

}  // namespace cnn
