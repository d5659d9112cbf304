#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "cluster/cluster.h"
#include "nn/runner.h"
#include "train/activity_meter.h"
#include "train/image_set.h"

namespace cnn {

/// Images in one pass of an evaluation: enough blocks for the threads, little memory.
constexpr std::int64_t kEvaluationBatch = 16 * kLanes;

/// What an evaluation found. Accuracy and loss only count images with a label.
struct Evaluation {
  std::int64_t images = 0, labeled = 0, correct = 0;
  double loss_sum = 0;
  double accuracy() const { return static_cast<double>(correct) / static_cast<double>(labeled); }
  double loss() const { return loss_sum / static_cast<double>(labeled); }
};

/// Sees each image with its probabilities, in order.
using OnPrediction =
    std::function<void(std::int64_t image, int predicted, std::span<const float> probabilities, float loss)>;

/// Takes a set through the network in evaluation mode. The network must be packed. `each` and `progress`
/// (images done) may be empty; progress may return false to stop. So does `stop`, within a block of 16
/// images: then the result covers only a part of the set.
///
/// In a cluster, each process takes a share of the blocks. All get the same result; `each` is called by
/// process 0 only, when all are done. Whichever process stops, all do, and the result covers no image.
Evaluation evaluate(Runner& runner, const ImageSet& set, const OnPrediction& each = {},
                    const std::function<bool(std::int64_t)>& progress = {},
                    const std::atomic<bool>* stop = nullptr, Cluster& cluster = alone());

/// One of several looks at the same images (test-time augmentation); the weights add up to 1.
struct WeightedLook {
  ImageSet set;
  float weight = 1;
};

/// The same by the weighted mean of the logits of several looks; labels are the first one's. With a single
/// look it is the evaluation of its set, to the bit.
Evaluation evaluate(Runner& runner, std::span<const WeightedLook> looks, const OnPrediction& each = {},
                    const std::function<bool(std::int64_t)>& progress = {},
                    const std::atomic<bool>* stop = nullptr, Cluster& cluster = alone());

/// Over the first `most` images of a set, in evaluation mode. Not valid if `stop` became true meanwhile.
std::vector<LayerActivity> measure_activity(Network& network, Runner& runner, const ImageSet& set,
                                            std::int64_t most, const std::atomic<bool>* stop = nullptr,
                                            Cluster& cluster = alone());

}  // namespace cnn
