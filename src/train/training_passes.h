#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cluster/cluster.h"
#include "core/thread_pool.h"
#include "nn/network.h"
#include "nn/runner.h"
#include "train/activity_meter.h"
#include "train/evaluation.h"
#include "train/feature_cache.h"
#include "train/image_set.h"
#include "train/training_spec.h"

namespace cnn {

/// What training does about the frozen front of its network, from an epoch on.
struct FrontReport {
  int epoch = 0;             ///< the first for which it holds
  std::string last_entry{};  ///< of the front; "": nothing is frozen any more
  std::int64_t looks = 0;    ///< at images, whose features are computed and kept
  std::int64_t bytes = 0;    ///< of these features
  bool training_is_kept = false;
  int views = 0;  ///< of a training image; 0: they do not change
  /// Why the features of the training images are computed again in every step; "" if they are not.
  std::string why_not{};
};

/// What became of FrontReport::looks.
struct FeatureReport {
  std::int64_t found = 0;       ///< looks that an earlier command had kept
  std::filesystem::path store;  ///< "" if the next one will not find them
};

struct FrontEvents {
  std::function<void(const FrontReport&)> on_front = {};
  /// Of FrontReport::looks, how many are done.
  std::function<void(std::int64_t done, std::int64_t looks)> on_features = {};
  std::function<void(const FeatureReport&)> on_kept = {};
};

/// The ways of images through a network that is trained. With a FreezeSpec, while the front of the network is
/// frozen (nn/frozen_front.h), no gradient goes back through it; and what it makes of an image is computed
/// once, and kept in memory, if spec and images allow it: then steps and validations begin behind it. No bit
/// of a float32 training depends on that.
class TrainingPasses {
 public:
  /// Without spec.freeze, no front is looked for. All references must outlive the object; `validation` may be
  /// null. Several processes keep nothing. kept: where features lie for the next command.
  TrainingPasses(Network& network, ThreadPool& pool, const TrainingSpec& spec, const ImageSet& train,
                 const ImageSet* validation, Cluster& cluster, const FeatureStoreSpec& kept);

  /// To be called before the steps and measurements of an epoch, with a packed network. False: `stop` became
  /// true, and it must be called again.
  bool prepare(int epoch, const FrontEvents& events, const std::atomic<bool>& stop);

  /// Of training steps, and the set whose images go into it.
  Runner& training() { return *training_; }
  const ImageSet& train_set() const { return train_features_ ? *train_features_ : train_; }

  Runner& validation_runner() { return head_evaluation_ ? *head_evaluation_ : evaluation_; }
  const ImageSet* validation_set() const {
    return validation_features_ ? &*validation_features_ : validation_;
  }

  /// Over the first kActivityImages validation images, or training images if there are none.
  std::vector<LayerActivity> measure_activity(const std::atomic<bool>& stop);

  /// The model's answers for other images: cnn::evaluate() with the whole network. Where the front is still
  /// frozen and the next command may need what it makes of these images, too, that is computed by itself, and
  /// kept on disk. No bit depends on that.
  Evaluation evaluate(std::span<const WeightedLook> looks, const OnPrediction& each,
                      const std::function<void(std::int64_t)>& progress, const std::atomic<bool>* stop);

  /// The first node of the network that learns in this epoch, or one before it.
  int learns_from() const { return front_; }

  /// Memory of the runners, for a plan.
  static std::int64_t bytes(const Network& network, const TrainingSpec& spec, int threads);

 private:
  const ImageSet& measured() const { return validation_ ? *validation_ : train_; }
  FrontReport plan(int epoch, std::int64_t bytes_of_look) const;
  bool compute_features(const FrontReport& report, FeatureCache& cache, const FrontEvents& events,
                        const std::atomic<bool>& stop);
  void use_front(int front);
  std::int64_t most_bytes() const;
  bool keeps_for_test(std::span<const WeightedLook> looks, const FeatureCache& cache) const;

  Network& network_;
  ThreadPool& pool_;
  Cluster& cluster_;
  const std::optional<FreezeSpec> spec_;
  const FeatureStoreSpec kept_;
  const int most_views_;  ///< epochs in which the front is frozen
  const int last_epoch_;
  const ImageSet& train_;
  const ImageSet* validation_;
  Runner evaluation_;
  int front_ = -1;  ///< nodes of it; -1: not prepared
  std::optional<Runner> training_, head_evaluation_;
  std::optional<ImageSet> train_features_, validation_features_;
  std::int64_t feature_bytes_ = 0;             ///< of both
  std::vector<LayerActivity> front_activity_;  ///< of all rows, of which those of the front count
};

}  // namespace cnn
