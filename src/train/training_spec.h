#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/words.h"
#include "nn/network_spec.h"

namespace cnn {

/// PyTorch's SGD: decay is added to the gradient.
struct SgdSpec {
  double learning_rate = 0;
  double momentum = 0;
  bool nesterov = false;
  double weight_decay = 0;
  bool decay_norm_and_bias = true;  ///< whether weight_decay is for tensors of one dimension too
  friend bool operator==(const SgdSpec&, const SgdSpec&) = default;
};

/// PyTorch's Adam (decay added to the gradient) or AdamW (decay applied to the weight).
struct AdamSpec {
  bool decoupled_decay = false;  ///< true: adamw
  double learning_rate = 0;
  std::array<double, 2> betas{0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;  ///< adamw's default is 0.01
  bool decay_norm_and_bias = true;
  friend bool operator==(const AdamSpec&, const AdamSpec&) = default;
};

/// Optimizers that treat every number on its own.
using ElementwiseSpec = std::variant<SgdSpec, AdamSpec>;

/// For the weights of convolutions; `others` takes the other parameters.
struct MuonSpec {
  double learning_rate = 0;
  double momentum = 0.95;
  bool nesterov = true;
  double weight_decay = 0;
  int steps = 5;  ///< of the Newton-Schulz iteration
  double eps = 1e-7;
  bool normalize_weights = false;
  ElementwiseSpec others;
  friend bool operator==(const MuonSpec&, const MuonSpec&) = default;
};

using OptimizerSpec = std::variant<SgdSpec, AdamSpec, MuonSpec>;

/// The learning rate that a schedule's factor applies to; muon's own, for what it treats.
inline double learning_rate_of(const OptimizerSpec& spec) {
  return std::visit([](const auto& optimizer) { return optimizer.learning_rate; }, spec);
}

struct ConstantSchedule {
  friend bool operator==(const ConstantSchedule&, const ConstantSchedule&) = default;
};
struct StepSchedule {
  double step_epochs = 1;
  double gamma = 0.1;
  friend bool operator==(const StepSchedule&, const StepSchedule&) = default;
};
struct ExponentialSchedule {
  double gamma = 0.95;
  friend bool operator==(const ExponentialSchedule&, const ExponentialSchedule&) = default;
};
struct CosineSchedule {
  double final_factor = 0;
  friend bool operator==(const CosineSchedule&, const CosineSchedule&) = default;
};
/// PyTorch's OneCycleLR with max_lr = learning_rate; momentum is not cycled.
struct OneCycleSchedule {
  enum class Anneal { cos, linear };
  double pct_start = 0.3;
  Anneal anneal = Anneal::cos;
  double div_factor = 25;
  double final_div_factor = 1e4;
  friend bool operator==(const OneCycleSchedule&, const OneCycleSchedule&) = default;
};
template <>
inline constexpr auto kWords<OneCycleSchedule::Anneal> = all_words<OneCycleSchedule::Anneal>(
    {{"cos", OneCycleSchedule::Anneal::cos}, {"linear", OneCycleSchedule::Anneal::linear}});
/// Straight lines between points (fraction of training, factor).
struct LinearSchedule {
  std::vector<std::array<double, 2>> points;
  friend bool operator==(const LinearSchedule&, const LinearSchedule&) = default;
};

struct ScheduleSpec {
  std::variant<ConstantSchedule, StepSchedule, ExponentialSchedule, CosineSchedule, OneCycleSchedule,
               LinearSchedule>
      shape;
  double warmup_epochs = 0;  ///< not with one_cycle
  friend bool operator==(const ScheduleSpec&, const ScheduleSpec&) = default;
};

/// An exponential moving average of the model: see train/weight_averaging.h.
struct WeightAveragingSpec {
  double decay = 0.999;
  friend bool operator==(const WeightAveragingSpec&, const WeightAveragingSpec&) = default;
};

/// See train/lookahead.h.
struct LookaheadSpec {
  int steps = 5;
  double alpha = 0.5;
  double final_alpha = 0.5;
  double power = 1;
  friend bool operator==(const LookaheadSpec&, const LookaheadSpec&) = default;
};

/// Factors of the classes in the training loss.
struct ClassWeightsSpec {
  enum class Mode {
    none,      ///< all 1
    balanced,  ///< images / (classes * images of the class)
    given,     ///< by name, the others 1
  };
  Mode mode = Mode::none;
  std::vector<std::pair<std::string, double>> given;
  friend bool operator==(const ClassWeightsSpec&, const ClassWeightsSpec&) = default;
};

/// softmax_cross_entropy is the only one; the config may name it.
enum class Loss { softmax_cross_entropy };
template <>
inline constexpr auto kWords<Loss> = all_words<Loss>({{"softmax_cross_entropy",
                                                       Loss::softmax_cross_entropy}});

/// What makes an epoch better than another: more of the validation images right, then a smaller loss; or the
/// other way round.
enum class BestBy { accuracy, loss };
template <>
inline constexpr auto kWords<BestBy> = all_words<BestBy>({{"accuracy", BestBy::accuracy},
                                                          {"loss", BestBy::loss}});

struct EarlyStoppingSpec {
  int patience = 10;  ///< epochs without a new best one after which the training ends
  friend bool operator==(const EarlyStoppingSpec&, const EarlyStoppingSpec&) = default;
};

/// Which training images are left out of a long training: see train/data_filter.h.
struct DataFilterSpec {
  NetworkSpec proxy;  ///< the small network that finds images easy or hard
  int epochs = 4;     ///< of its training
  double keep = 0.5;  ///< share of the images of each class that are trained on: the hardest
  friend bool operator==(const DataFilterSpec&, const DataFilterSpec&) = default;
};

/// How the names in a file of weights are found for those of the network: see train/foreign_names.h.
struct ForeignNames {
  bool torchvision = false;  ///< the whole file, in the order of its layers
  /// An entry of the network, and what its tensors' names begin with in the file.
  std::vector<std::pair<std::string, std::string>> by_entry;
  bool none() const { return !torchvision && by_entry.empty(); }
  friend bool operator==(const ForeignNames&, const ForeignNames&) = default;
};

/// Weights to start from: parameters by name out of a safetensors file.
struct InitialWeightsSpec {
  std::filesystem::path file;
  ForeignNames names;
  /// Layers that stay freshly initialized. A residual's name stands for its projection, not for what is
  /// inside.
  std::vector<std::string> except;
  friend bool operator==(const InitialWeightsSpec&, const InitialWeightsSpec&) = default;
};

/// When what was frozen begins to learn; running statistics stay frozen.
struct UnfreezeSpec {
  int after_epochs = 5;
  double learning_rate_scale = 0.1;  ///< of what was frozen
  friend bool operator==(const UnfreezeSpec&, const UnfreezeSpec&) = default;
};

/// Entries at the front of the network that keep their weights and running statistics, as they came from
/// `initial_weights`.
struct FreezeSpec {
  enum class Precision { float32, float16 };
  std::string until;  ///< the last of them; "": all before the last entry that has weights
  std::optional<UnfreezeSpec> unfreeze;
  // What they make of an image is computed once: see train/training_passes.h.
  int cached_views = 0;  ///< with augmentation: looks at each image; 0: computed in every step
  int cache_mb = 4096;
  Precision precision = Precision::float32;
  friend bool operator==(const FreezeSpec&, const FreezeSpec&) = default;
};
template <>
inline constexpr auto kWords<FreezeSpec::Precision> = all_words<FreezeSpec::Precision>(
    {{"float32", FreezeSpec::Precision::float32}, {"float16", FreezeSpec::Precision::float16}});

/// What to do when numbers stop being finite.
enum class OnNonFinite {
  stop,
  rollback,  ///< to the last checkpoint, with half the learning rate; at most kMostRollbacks times
};
template <>
inline constexpr auto kWords<OnNonFinite> = all_words<OnNonFinite>({{"stop", OnNonFinite::stop},
                                                                    {"rollback", OnNonFinite::rollback}});
inline constexpr int kMostRollbacks = 3;

/// The `training` part of a config.
struct TrainingSpec {
  int epochs = 0;
  int batch_size = 0;
  bool shuffle = true;
  bool drop_last = false;
  Loss loss = Loss::softmax_cross_entropy;
  double label_smoothing = 0;
  ClassWeightsSpec class_weights;
  OptimizerSpec optimizer;
  ScheduleSpec schedule;
  std::optional<double> clip_gradient_norm;
  std::optional<WeightAveragingSpec> weight_averaging;
  std::optional<LookaheadSpec> lookahead;
  BestBy best = BestBy::accuracy;
  std::optional<EarlyStoppingSpec> early_stopping;
  std::optional<double> max_minutes;  ///< see train/time_budget.h
  std::optional<DataFilterSpec> filter;
  std::optional<InitialWeightsSpec> initial_weights;
  std::optional<FreezeSpec> freeze;
  OnNonFinite on_non_finite = OnNonFinite::stop;
  double checkpoint_minutes = 5;  ///< between checkpoints within an epoch; 0: none but at its end
  int checkpoint_steps = 0;       ///< steps between them; 0: only the time counts
  bool tensorboard = false;       ///< also write a file of events
  friend bool operator==(const TrainingSpec&, const TrainingSpec&) = default;
};

/// Steps over this many training images; the last batch may be short, unless it is dropped.
inline std::int64_t steps_in_epoch(std::int64_t images, const TrainingSpec& spec) {
  return spec.drop_last ? images / spec.batch_size : (images + spec.batch_size - 1) / spec.batch_size;
}

}  // namespace cnn
