#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>

#include "core/thread_pool.h"
#include "nn/network.h"
#include "nn/runner.h"
#include "train/activity_meter.h"
#include "train/image_set.h"
#include "train/training_spec.h"

namespace cnn {

/// Computes what the frozen front of a network (nn/frozen_front.h) makes of images, so that the rest can be
/// trained without it. In float32 these are the bits that the whole network would compute. In float16 each
/// value is rounded: by at most 1/2048 of it, or 3e-8 where it is below 6e-5; beyond 65,504 it is infinite.
class FeatureCache {
 public:
  /// front: nodes. The network must be packed, and outlive what is computed.
  FeatureCache(Network& network, ThreadPool& pool, int front, FreezeSpec::Precision precision);

  /// Memory for the features of one look at one image.
  std::int64_t bytes_of_look() const;

  /// Takes the images of a set through the front, in evaluation mode.
  struct Request {
    const ImageSet& set;
    /// 0: as in evaluation. Else so many looks at each image, those of the epochs 1 to `views`, which come
    /// again in the epochs after them.
    int views = 0;
    /// Sees the outputs of the layers for the first `metered` images; null: nobody looks.
    ActivityMeter* meter = nullptr;
    std::int64_t metered = 0;
    /// Images that are done, so far; may be empty.
    std::function<void(std::int64_t)> progress = {};
    const std::atomic<bool>& stop;
  };
  /// The same images as the first node behind the front reads them. Nothing: `stop` became true.
  std::optional<ImageSet> features(const Request& request);

 private:
  struct Store;
  bool take_batch(const Request& request, std::int64_t first, std::int64_t images, int view, Store& store);

  Shape shape_;
  FreezeSpec::Precision precision_;
  Runner trunk_;
};

}  // namespace cnn
