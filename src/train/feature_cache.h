#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/thread_pool.h"
#include "data/record_store.h"
#include "nn/network.h"
#include "nn/runner.h"
#include "train/activity_meter.h"
#include "train/image_set.h"
#include "train/training_spec.h"

namespace cnn {

/// Where features are kept for the next command.
struct FeatureStoreSpec {
  StoreSpec store{};
  /// What the entries of the network up to this one compute, apart from their numbers, as a text.
  std::function<std::string(const std::string& last_entry)> front_text = {};
};

/// Computes what the frozen front of a network (nn/frozen_front.h) makes of images, so that the rest can be
/// trained without it. In float32 these are the bits that the whole network would compute. In float16 each
/// value is rounded: by at most 1/2048 of it, or 3e-8 where it is below 6e-5; beyond 65,504 it is infinite.
///
/// What an earlier command kept on disk is not computed again. The same program, instruction set and
/// precision find it by the front's numbers and the very numbers that go into the network, wherever an image
/// comes from.
class FeatureCache {
 public:
  /// front: nodes. The network must be packed, and outlive what is computed.
  FeatureCache(Network& network, ThreadPool& pool, int front, FreezeSpec::Precision precision,
               const FeatureStoreSpec& kept);

  /// Memory for the features of one look at one image.
  std::int64_t bytes_of_look() const;

  /// Takes the images of a set through the front, in evaluation mode.
  struct Request {
    const ImageSet& set;
    /// 0: as in evaluation. Else so many looks at each image, those of the epochs 1 to `views`, which come
    /// again in the epochs after them.
    int views = 0;
    /// Measures the layers over the first `metered` images; 0: not at all. Only without views.
    std::int64_t metered = 0;
    /// Looks that are done, so far; may be empty.
    std::function<void(std::int64_t)> progress = {};
    const std::atomic<bool>& stop;
  };
  struct Features {
    ImageSet set;  ///< the same images as the first node behind the front reads them
    /// Of all layers, if metered; those that are not in the front have not been seen.
    std::vector<LayerActivity> activity{};
  };
  /// Nothing: `stop` became true; keep() then keeps what was computed before.
  std::optional<Features> features(const Request& request);

  /// Keeps what was computed for the next command, if that took long. Returns whether.
  bool keep();
  /// Looks that were not computed, because an earlier command had kept them.
  std::int64_t found() const { return found_; }

 private:
  struct LooksInMemory;
  class Recognition;
  /// Some looks at images of a set, and where their features go.
  struct Part {
    std::vector<std::int64_t> images;
    int view = 0;
    ActivityMeter* meter = nullptr;
  };
  void compute(const Request& request, const Part& part, Recognition& recognition, LooksInMemory& memory);
  void keep_activity(const Fingerprint& print, const std::vector<LayerActivity>& layers);
  std::vector<LayerActivity> kept_activity(const Fingerprint& print) const;

  Network& network_;
  ThreadPool& pool_;
  Shape shape_;
  FreezeSpec::Precision precision_;
  int front_;
  std::optional<Runner> trunk_;  ///< from the first part on that must be computed
  RecordStore records_;
  std::int64_t found_ = 0;
  double computing_ = 0;  ///< seconds
  // What keep() writes, and what owns its bytes.
  std::vector<RecordStore::Record> fresh_;
  std::vector<std::shared_ptr<const void>> owners_;
};

}  // namespace cnn
