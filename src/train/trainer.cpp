#include "train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <mutex>
#include <numeric>

#include "core/error.h"
#include "core/random.h"
#include "core/text.h"

namespace cnn {
namespace {

/// Images in one pass of an evaluation: as many blocks as there are shards.
constexpr std::int64_t kEvaluationBatch = Runner::kShards * kLanes;

/// Images over which a layer's activity is measured.
constexpr std::int64_t kActivityImages = 1000;

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::int64_t steps_in_epoch(std::int64_t images, const TrainingSpec& spec) {
  return spec.drop_last ? images / spec.batch_size : (images + spec.batch_size - 1) / spec.batch_size;
}

bool is_better(const Evaluation& a, const Evaluation& b) {
  if (a.correct != b.correct) return a.correct > b.correct;
  return a.loss_sum < b.loss_sum;
}

}  // namespace

Trainer::Trainer(Network& network, ThreadPool& pool, const TrainingSpec& spec, std::uint64_t seed,
                 const ImageSet& train, const ImageSet* validation)
    : network_(network),
      pool_(pool),
      spec_(spec),
      seed_(seed),
      train_(train),
      validation_(validation),
      steps_per_epoch_(steps_in_epoch(train.size(), spec)),
      schedule_(spec.schedule, spec.epochs, steps_per_epoch_),
      optimizer_(spec.optimizer, network.parameter_floats()),
      training_(network, pool, true, network.largest_batch()),
      evaluation_(network, pool, false, kEvaluationBatch),
      order_(static_cast<std::size_t>(train.size())) {
  if (steps_per_epoch_ == 0)
    fail_usage(
        "training.drop_last leaves nothing to train on: {} training images are less than one batch of {}; "
        "use a smaller "
        "batch_size",
        train.size(), spec.batch_size);
}

std::int64_t Trainer::bytes(const Network& network, const TrainingSpec& spec, int threads) {
  return Runner::bytes(network, threads, true, network.largest_batch()) +
         Runner::bytes(network, threads, false, kEvaluationBatch) +
         Optimizer::bytes(spec.optimizer, network.parameter_floats());
}

void Trainer::shuffle(int epoch) {
  std::iota(order_.begin(), order_.end(), std::int64_t{0});
  if (!spec_.shuffle) return;
  Random random(seed_, Purpose::shuffle, static_cast<std::uint32_t>(epoch));
  for (std::size_t i = order_.size(); i > 1; --i)
    std::swap(order_[i - 1], order_[random.below(static_cast<std::uint32_t>(i))]);
}

Trainer::Outcome Trainer::run(const std::function<void(const StepProgress&)>& on_step,
                              const std::function<void(const EpochResult&)>& on_epoch,
                              const std::atomic<bool>& stop) {
  std::vector<std::int32_t> labels(static_cast<std::size_t>(spec_.batch_size));
  std::span<const std::int64_t> images;
  int epoch = 1;
  const std::function<void(int, int, int, BlockView<float>)> fill = [&](int block, int count, int worker,
                                                                        BlockView<float> x) {
    train_.fill(images.subspan(static_cast<std::size_t>(block) * kLanes, static_cast<std::size_t>(count)),
                static_cast<std::uint32_t>(epoch), worker, x);
  };
  network_.pack(pool_);
  std::optional<Evaluation> best;
  std::int64_t step = 0;  // of the whole training
  for (; epoch <= spec_.epochs; ++epoch) {
    shuffle(epoch);
    EpochResult result;
    result.epoch = epoch;
    double loss_sum = 0;
    std::int64_t correct = 0, seen = 0;
    const double start = now_seconds();
    if (train_.will_need) train_.will_need(order_);
    for (std::int64_t in_epoch = 0; in_epoch < steps_per_epoch_; ++in_epoch, ++step) {
      const auto first = static_cast<std::size_t>(in_epoch * spec_.batch_size);
      images =
          std::span(order_).subspan(first, std::min<std::size_t>(spec_.batch_size, order_.size() - first));
      for (std::size_t i = 0; i < images.size(); ++i)
        labels[i] = train_.labels[static_cast<std::size_t>(images[i])];
      const Batch batch{.images = static_cast<std::int64_t>(images.size()),
                        .labels = labels.data(),
                        .fill = &fill,
                        .seed = seed_,
                        .step = static_cast<std::uint32_t>(step),
                        .label_smoothing = static_cast<float>(spec_.label_smoothing)};
      const double factor = schedule_.factor(step);
      result.learning_rate = optimizer_.base_learning_rate() * factor;
      if (!training_.train(batch)) explain_non_finite(batch, epoch, in_epoch + 1, result.learning_rate);
      optimizer_.step(factor, training_.gradients(), network_.parameters(), pool_);
      network_.pack(pool_);
      for (const float loss : training_.losses()) loss_sum += loss;
      for (std::size_t i = 0; i < images.size(); ++i) correct += training_.predictions()[i] == labels[i];
      seen += batch.images;
      on_step({.epoch = epoch,
               .step = in_epoch + 1,
               .steps_per_epoch = steps_per_epoch_,
               .loss = loss_sum / static_cast<double>(seen),
               .accuracy = static_cast<double>(correct) / static_cast<double>(seen)});
      if (stop) return Outcome::interrupted;
    }
    result.seconds = now_seconds() - start;
    result.images_per_second = static_cast<double>(seen) / result.seconds;
    result.train_loss = loss_sum / static_cast<double>(seen);
    result.train_accuracy = static_cast<double>(correct) / static_cast<double>(seen);
    if (validation_) result.validation = evaluate(evaluation_, *validation_);
    result.best = !validation_ || !best || is_better(*result.validation, *best);
    if (result.best) best = result.validation;
    result.activity =
        measure_activity(network_, evaluation_, validation_ ? *validation_ : train_, kActivityImages);
    on_epoch(result);
    if (stop && epoch < spec_.epochs) return Outcome::interrupted;
  }
  return Outcome::finished;
}

void Trainer::explain_non_finite(const Batch& batch, int epoch, std::int64_t step, double learning_rate) {
  std::string where;
  for (const Tensor& tensor : network_.tensors()) {
    const auto finite = [](float v) { return std::isfinite(v); };
    if (where.empty() && !std::all_of(tensor.values.begin(), tensor.values.end(), finite))
      where = fmt::format("{} holds values that are not finite", tensor.name);
  }
  // The same batch once more, looking at every output. The earliest entry counts, not the earliest worker.
  std::mutex mutex;
  int first_row = static_cast<int>(network_.layers().size());
  training_.forward_training(batch, [&](int row, int, int images, BlockView<const float> y) {
    if (all_finite(y, images)) return;
    const std::lock_guard lock(mutex);
    first_row = std::min(first_row, row);
  });
  if (first_row < static_cast<int>(network_.layers().size())) {
    const std::string layer =
        fmt::format("the first output with such a value is that of {}", network_.layers()[first_row].name);
    where = where.empty() ? layer : where + "; " + layer;
  } else if (where.empty()) {
    where = "every layer's output is finite: the values are too large for the loss";
  }
  fail(
      "the loss is not finite in epoch {}, step {} (learning rate {}): {}. Nothing was updated in this step. "
      "Try a smaller "
      "learning_rate, warmup_epochs, or batch_norm",
      epoch, step, exact(learning_rate), where);
}

}  // namespace cnn
