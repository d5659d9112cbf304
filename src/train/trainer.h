#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cluster/cluster.h"
#include "core/aligned_buffer.h"
#include "core/time_account.h"
#include "nn/network.h"
#include "nn/runner.h"
#include "train/checkpoint.h"
#include "train/epoch_result.h"
#include "train/evaluation.h"
#include "train/image_set.h"
#include "train/lookahead.h"
#include "train/mixup.h"
#include "train/optimizer.h"
#include "train/post_mortem.h"
#include "train/schedule.h"
#include "train/state_parts.h"
#include "train/time_budget.h"
#include "train/training_passes.h"
#include "train/training_spec.h"
#include "train/weight_averaging.h"

namespace cnn {

/// Where a training stands inside an epoch.
struct StepProgress {
  int epoch = 0, epochs = 0;                   ///< epochs: in all, as planned
  std::int64_t step = 0, steps_per_epoch = 0;  ///< step: done in this epoch
  double loss = 0, accuracy = 0;               ///< mean of this epoch so far
  double batch_loss = 0;                       ///< of this step
};

/// What a training reports while it runs. Each may be empty.
struct TrainingEvents {
  std::function<void(const StepProgress&)> on_step = {};  ///< after each step
  /// After each step, of each of its images: the loss as the step saw it.
  std::function<void(std::span<const std::int64_t> images, std::span<const float> losses)> on_losses = {};
  /// For each validation image of an epoch, in order, and after every pass with the number of images so far.
  OnPrediction on_validation = {};
  std::function<void(std::int64_t images)> on_validated = {};
  /// Every `layers_every` steps (0: never), with the layers' statistics over the images of that step.
  std::int64_t layers_every = 0;
  std::function<void(const StepProgress&, const std::vector<LayerActivity>&)> on_layers = {};
  /// After each epoch, with its measurements done. The network holds the model of the epoch.
  std::function<void(const EpochResult&)> on_epoch = {};
  /// When the frozen front of the network begins and ends, and is computed.
  FrontEvents front = {};
  /// After each step (false) and each epoch (true): what list_state() names is consistent now and may be
  /// saved.
  std::function<void(bool epoch_ended)> on_state = {};
};

/// Throws Error (exit 2) if training on so many images would give a layer that normalizes over the batch
/// single values: they have no variance.
void refuse_batch_of_one(const Network& network, std::int64_t images, const TrainingSpec& spec);

/// Trains a network by minibatch descent. The result depends on the spec, the seed and the data only.
class Trainer {
 public:
  /// The network must be initialized. `validation` may be null; class_weights: of each class in the loss, or
  /// empty. All references must outlive the trainer. Throws Error (exit 2) if nothing can be learned, or a
  /// batch norm would see a single value.
  Trainer(Network& network, ThreadPool& pool, const TrainingSpec& spec, std::uint64_t seed,
          const ImageSet& train, const ImageSet* validation, std::vector<float> class_weights = {},
          Cluster& cluster = alone(), const FeatureStoreSpec& kept = {});

  enum class Outcome { finished, interrupted };

  // In a cluster, everything here that trains or measures is collective, and ends the same on all processes:
  // they agree on `stop` and on times. Each reads the images of its own share.

  /// Runs what is left of all epochs. When `stop` becomes true, finishes the step and returns `interrupted`;
  /// also in the measurements of an epoch, which are then made again. Throws NonFiniteError when a loss, a
  /// gradient or, after the step, a weight is not finite. After it, and after anything else that a step
  /// throws (an image became unreadable, no memory), the state is the one before the step. Only a weight that
  /// is not finite leaves no such state: is_finite() is false.
  Outcome run(const TrainingEvents& events, const std::atomic<bool>& stop);

  /// Everything that the rest of the training depends on: saved at any moment of on_state, and put back into
  /// a new trainer of the same spec, seed and data, it continues bit for bit. Threads do not matter.
  void list_state(StateParts& parts);
  /// Throws Error (exit 1) if it belongs to another training; the trainer cannot be used then.
  void restore(const Checkpoint& checkpoint);
  /// Goes back to a checkpoint of this run, and continues from there with half the current learning rate.
  void roll_back(const Checkpoint& checkpoint);
  int rollbacks() const { return static_cast<int>(rollbacks_); }

  /// Whether every number of the model is.
  bool is_finite();

  const std::vector<EpochResult>& history() const { return history_; }
  /// Epochs in all: those of the spec, or what fits its max_minutes.
  int epochs() const { return budget_.epochs(); }
  bool finished() const { return epochs_done_ >= epochs() || out_of_patience(); }
  /// Whether early stopping ends the training: its last `patience` epochs brought no new best one.
  bool out_of_patience() const;
  int epochs_done() const { return static_cast<int>(epochs_done_); }
  std::int64_t steps_done() const { return epochs_done_ * steps_per_epoch_ + now_.steps; }
  std::int64_t steps_of_epoch() const { return now_.steps; }  ///< done in the current epoch
  /// The learning rate of step t of the whole training, from 0.
  double learning_rate(std::int64_t t) const;

  /// Calls use() while the network holds the model: with weight averaging the averages, else what it holds
  /// anyway.
  void with_model(const std::function<void()>& use);

  /// Exchanges the network's tensors with those of the best epoch, which must exist; a second call exchanges
  /// them back.
  void swap_best();

  /// The answers of the network for images that are not trained on (see TrainingPasses).
  Evaluation evaluate(std::span<const WeightedLook> looks, const OnPrediction& each = {},
                      const std::function<void(std::int64_t)>& progress = {},
                      const std::atomic<bool>* stop = nullptr) {
    return passes_.evaluate(looks, each, progress, stop);
  }
  std::int64_t steps_per_epoch() const { return steps_per_epoch_; }

  /// Books training, validation and statistics; others may book what else takes time. Opened with the
  /// trainer.
  TimeAccount& times() { return times_; }

  /// Memory of runners, optimizer and the best model, for a plan.
  static std::int64_t bytes(const Network& network, const TrainingSpec& spec, int threads);

 private:
  /// Sums over the epoch that is under way.
  struct Epoch {
    std::int64_t steps = 0, seen = 0, correct = 0;
    double loss_sum = 0, seconds = 0;
  };
  /// Collective: the time of process 0 goes for all, and a `stop` of any. Returns that.
  bool agree_on(double& seconds, bool stop);
  bool stops(bool stop);
  void expect(std::span<const std::int64_t> images);
  bool train_epoch(const TrainingEvents& events, const std::atomic<bool>& stop);
  bool measure(EpochResult& result, const TrainingEvents& events, const std::atomic<bool>& stop);
  bool finish_epoch(const TrainingEvents& events, const std::atomic<bool>& stop);
  /// observer: sees the outputs of all layers; may be null.
  void train_step(std::span<const std::int64_t> images, const Observer* observer);
  StepProgress progress() const;
  /// Where step t stands in the schedule.
  double position(std::int64_t t) const { return budget_.position(t); }
  [[noreturn]] void give_up(PostMortem::Cause cause, const Batch& batch,
                            std::span<const std::int64_t> images);
  std::span<const float> learning_part(std::span<const float> all) const;
  bool all_finite(std::span<const float> values);

  Network& network_;
  ThreadPool& pool_;
  Cluster& cluster_;
  TrainingSpec spec_;
  std::uint64_t seed_;
  const ImageSet& train_;
  const ImageSet* validation_;
  std::int64_t steps_per_epoch_;
  LearningRateSchedule schedule_;
  TimeBudget budget_;
  double began_ = 0;  // when the budget's time began
  TimeAccount times_;
  Optimizer optimizer_;
  std::optional<Lookahead> lookahead_;
  std::optional<WeightAveraging> averaging_;
  std::vector<float> class_weights_;
  Mixup mixup_;
  TrainingPasses passes_;
  std::vector<std::int64_t> order_;
  std::vector<std::int32_t> labels_;  // of a step
  std::vector<float> states_before_;  // of a step: running statistics change in its forward pass
  std::int64_t epochs_done_ = 0;
  std::int64_t rollbacks_ = 0;
  double rate_scale_ = 1;  // halved by each rollback
  Epoch now_;
  double batch_loss_ = 0;
  std::vector<double> gradient_norms_;           // of the last step of an epoch, for each of the layers
  std::vector<EpochResult> history_;             // of the epochs that are done
  AlignedBuffer best_parameters_, best_states_;  // zeros before there is a best epoch
};

}  // namespace cnn
