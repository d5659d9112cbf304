#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "core/block.h"

namespace cnn {

/// Images for one pass. `fill` writes the images of one block into x (lanes from `images` on: zeros), or what
/// the nodes before a Route's first make of them; it is called by the workers themselves, once per block.
struct Batch {
  std::int64_t images = 0;
  const std::int32_t* labels = nullptr;         ///< null: unlabeled (evaluation only)
  const std::int32_t* second_labels = nullptr;  ///< of mixed images; null: none is mixed
  float share = 1;                              ///< of the first label in a mixed image
  const std::function<void(int block, int images, int worker, BlockView<float> x)>* fill = nullptr;
  /// Of a Route that ends before the loss: gets its output, block by block; called by the workers.
  const std::function<void(int block, int images, BlockView<const float> y)>* deliver = nullptr;
  std::uint64_t seed = 0;  ///< of dropout
  std::uint32_t step = 0;  ///< of dropout
  float label_smoothing = 0;
  /// Factor of each class in the training loss, which is then divided by the factors' sum over the images'
  /// labels (PyTorch's mean reduction); empty: all 1. Runner::losses() are such that their mean is that loss.
  std::span<const float> class_weights = {};
  /// Training: what is to be passed back instead of the gradient of the loss, d(anything)/d(output of the
  /// last layer). Writes it for one block; lanes from `images` on: zeros.
  const std::function<void(int block, int images, BlockView<float> dy)>* output_gradient = nullptr;
};

}  // namespace cnn
