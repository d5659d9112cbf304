#pragma once

#include <string>

#include "core/thread_pool.h"
#include "inspect/image_batch.h"
#include "inspect/step_trace.h"
#include "nn/network.h"
#include "nn/network_spec.h"

namespace cnn {

struct Explanation {
  std::string text;
  bool agrees = true;  ///< every number in it is the engine's
};

/// The arithmetic of one layer in words and with its own numbers: output size, parameters, forward, and the
/// backward pass on a small patch of what the layer really read in the trace's step. Each sum is written out,
/// added up in double precision and compared with what the engine computed for that patch.
/// `row`: number in network.layers(). `spec` is what the network was made from. columns: width of the text.
Explanation explain_layer(const StepTrace& trace, const NetworkSpec& spec, int row, ThreadPool& pool,
                          int columns);

/// What explain_layer() says of a layer type without an explanation of its own: parameters, and outputs and
/// input gradients beside those of the reference network.
Explanation explain_without_words(const StepTrace& trace, const NetworkSpec& spec, int row, ThreadPool& pool,
                                  int columns);

/// Whether an explanation needs a batch of several images: a batch norm learns from neighbors.
bool needs_several_images(const NetworkSpec& spec);

}  // namespace cnn
