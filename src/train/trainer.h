#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "nn/network.h"
#include "nn/runner.h"
#include "train/evaluation.h"
#include "train/image_set.h"
#include "train/optimizer.h"
#include "train/schedule.h"
#include "train/training_spec.h"

namespace cnn {

/// One row of metrics.csv, and what the log says about the layers.
struct EpochResult {
  int epoch = 0;  ///< from 1
  double train_loss = 0, train_accuracy = 0;
  std::optional<Evaluation> validation;
  double learning_rate = 0;  ///< of the last step
  double seconds = 0;        ///< of the training part, data included
  double images_per_second = 0;
  bool best =
      false;  ///< so far: by validation accuracy, then loss, then earliest; without validation the last
  std::vector<LayerActivity> activity;
};

/// Where a training stands inside an epoch.
struct StepProgress {
  int epoch = 0;
  std::int64_t step = 0, steps_per_epoch = 0;  ///< step: done in this epoch
  double loss = 0, accuracy = 0;               ///< mean of this epoch so far
};

/// Trains a network by minibatch descent. The result depends on the spec, the seed and the data only.
class Trainer {
 public:
  /// The network must be initialized. `validation` may be null. All references must outlive the trainer.
  Trainer(Network& network, ThreadPool& pool, const TrainingSpec& spec, std::uint64_t seed,
          const ImageSet& train, const ImageSet* validation);

  enum class Outcome { finished, interrupted };

  /// Runs all epochs. `on_step` after each step, `on_epoch` after each epoch with its measurements done. When
  /// `stop` becomes true, finishes the step and returns `interrupted`. Throws Error (exit 1) on a non-finite
  /// loss: names epoch, step, learning rate and the first layer with a value that is not finite; the network
  /// keeps the weights from before that step.
  Outcome run(const std::function<void(const StepProgress&)>& on_step,
              const std::function<void(const EpochResult&)>& on_epoch, const std::atomic<bool>& stop);

  Runner& evaluation_runner() { return evaluation_; }
  std::int64_t steps_per_epoch() const { return steps_per_epoch_; }

  /// Memory of runners and optimizer, for a plan.
  static std::int64_t bytes(const Network& network, const TrainingSpec& spec, int threads);

 private:
  void shuffle(int epoch);
  [[noreturn]] void explain_non_finite(const Batch& batch, int epoch, std::int64_t step,
                                       double learning_rate);

  Network& network_;
  ThreadPool& pool_;
  TrainingSpec spec_;
  std::uint64_t seed_;
  const ImageSet& train_;
  const ImageSet* validation_;
  std::int64_t steps_per_epoch_;
  Schedule schedule_;
  Optimizer optimizer_;
  Runner training_, evaluation_;
  std::vector<std::int64_t> order_;
};

}  // namespace cnn
