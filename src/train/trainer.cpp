#include "train/trainer.h"

#include <algorithm>
#include <limits>

#include "cluster/messages.h"
#include "core/chunks.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/text.h"
#include "kernels/finite.h"
#include "nn/leaves.h"
#include "train/activity_meter.h"
#include "train/gradient_norms.h"
#include "train/image_order.h"

namespace cnn {
namespace {

std::vector<LayerActivity> with_gradients(std::vector<LayerActivity> layers, std::span<const double> norms) {
  for (std::size_t row = 0; row < layers.size(); ++row) layers[row].gradient_norm = norms[row];
  return layers;
}

}  // namespace

void refuse_batch_of_one(const Network& network, std::int64_t images, const TrainingSpec& spec) {
  const std::int64_t rest = spec.drop_last ? 0 : images % spec.batch_size;
  if ((rest > 0 ? rest : spec.batch_size) > 1) return;
  for (const Node& node : network.nodes())
    if (node.layer->normalizes_over_batch() && node.in.h * node.in.w == 1)
      fail_usage(
          "{} normalizes single values over the images of a batch, so it needs more than one image; {} "
          "training images in batches of {} leave a batch of one: use {}",
          printable(node.name), images, spec.batch_size,
          spec.batch_size == 1 ? "a larger batch_size" : "another batch_size, or \"drop_last\": true");
}

namespace {

bool is_better(const Evaluation& a, const Evaluation& b, BestBy by) {
  if (by == BestBy::loss && a.loss_sum != b.loss_sum) return a.loss_sum < b.loss_sum;
  if (a.correct != b.correct) return a.correct > b.correct;
  return a.loss_sum < b.loss_sum;
}

}  // namespace

Trainer::Trainer(Network& network, ThreadPool& pool, const TrainingSpec& spec, std::uint64_t seed,
                 const ImageSet& train, const ImageSet* validation, std::vector<float> class_weights,
                 Cluster& cluster, const FeatureStoreSpec& kept)
    : network_(network),
      pool_(pool),
      cluster_(cluster),
      spec_(spec),
      seed_(seed),
      train_(train),
      validation_(validation),
      steps_per_epoch_(steps_in_epoch(train.size(), spec)),
      schedule_(spec.schedule, spec.epochs, steps_per_epoch_),
      budget_(60 * spec.max_minutes.value_or(std::numeric_limits<double>::infinity()), spec.epochs,
              steps_per_epoch_),
      optimizer_(spec.optimizer, network, spec.clip_gradient_norm),
      class_weights_(std::move(class_weights)),
      mixup_(train.mixup_alpha, seed, pool.threads()),
      passes_(network, pool, spec, train, validation, cluster, kept),
      order_(static_cast<std::size_t>(train.size())),
      labels_(static_cast<std::size_t>(spec.batch_size)),
      gradient_norms_(network.layers().size()),
      best_parameters_(network.parameter_floats()),
      best_states_(static_cast<std::int64_t>(network.states().size())) {
  if (steps_per_epoch_ == 0)
    fail_usage(
        "training.drop_last leaves nothing to train on: {} training images are fewer than one batch of {}; "
        "use a smaller batch_size",
        train.size(), spec.batch_size);
  refuse_batch_of_one(network, train.size(), spec);
  if (spec.lookahead) lookahead_.emplace(*spec.lookahead, network);
  if (spec.weight_averaging) averaging_.emplace(*spec.weight_averaging, network);
  if (std::ranges::none_of(network.nodes(), &Node::learns))
    fail_usage("there is nothing to learn: no entry of the network has trainable parameters");
}

std::int64_t Trainer::bytes(const Network& network, const TrainingSpec& spec, int threads) {
  const std::int64_t model =
      (network.parameter_floats() + network.state_floats()) * static_cast<std::int64_t>(sizeof(float));
  const std::int64_t optimizer = Optimizer::bytes(spec.optimizer, network);
  const std::int64_t checkpoint = 2 * model + optimizer;  // this one, the best one, and the moments
  return TrainingPasses::bytes(network, spec, threads) + model + optimizer + checkpoint +
         (spec.lookahead ? Lookahead::bytes(network) : 0) +
         (spec.weight_averaging ? WeightAveraging::bytes(network) : 0);
}

double Trainer::learning_rate(std::int64_t t) const {
  return optimizer_.base_learning_rate() * schedule_.factor(position(t)) * rate_scale_;
}

bool Trainer::out_of_patience() const {
  return spec_.early_stopping && !history_.empty() &&
         epochs_done_ - best_of(history_).epoch >= spec_.early_stopping->patience;
}

void Trainer::with_model(const std::function<void()>& use) {
  if (!averaging_) return use();
  const auto swap = [&] {
    averaging_->swap(network_);
    network_.pack(pool_);
  };
  swap();
  try {
    use();
  } catch (...) {
    swap();
    throw;
  }
  swap();
}

void Trainer::swap_best() {
  CNN_CHECK(!history_.empty(), "no epoch is done");
  const auto swap = [](std::span<float> a, std::span<float> b) {
    std::swap_ranges(a.begin(), a.end(), b.begin());
  };
  swap(network_.parameters(), best_parameters_.span());
  swap(network_.states(), best_states_.span());
  network_.pack(pool_);
}

Trainer::Outcome Trainer::run(const TrainingEvents& events, const std::atomic<bool>& stop) {
  network_.pack(pool_);
  began_ = now_seconds() - budget_.used() - now_.seconds;
  while (!finished()) {
    // Without a frozen front, this only makes room for the steps.
    if (!times_.measure(spec_.freeze ? Spent::features : Spent::training,
                        [&] { return passes_.prepare(epochs_done() + 1, events.front, stop); }))
      return Outcome::interrupted;
    const bool trained = times_.measure(Spent::training, [&] { return train_epoch(events, stop); });
    if (!trained || !finish_epoch(events, stop)) return Outcome::interrupted;
    if (!finished() && stops(stop)) return Outcome::interrupted;
  }
  return Outcome::finished;
}

bool Trainer::agree_on(double& seconds, bool stop) {
  if (cluster_.size() == 1) return stop;
  struct Vote {
    double seconds;
    bool stop;
  };
  const std::vector<Vote> votes = gathered(cluster_, Vote{seconds, stop});
  seconds = votes.front().seconds;
  return std::ranges::any_of(votes, &Vote::stop);
}

bool Trainer::stops(bool stop) {
  double none = 0;
  return agree_on(none, stop);
}

/// Hints at what this process reads of the batches to come.
void Trainer::expect(std::span<const std::int64_t> images) {
  const auto& will_need = passes_.train_set().will_need;
  if (!will_need) return;
  if (cluster_.size() == 1) return will_need(images);
  std::vector<std::int64_t> mine;
  while (!images.empty()) {
    const auto batch = images.first(std::min(static_cast<std::size_t>(spec_.batch_size), images.size()));
    const Leaves leaves(blocks_of(static_cast<std::int64_t>(batch.size())));
    const Extent blocks = leaves.blocks_of(leaves.of_process(cluster_.rank(), cluster_.size()));
    const auto place = [&](int block) {
      return batch.begin() + std::min<std::ptrdiff_t>(block * kLanes, std::ssize(batch));
    };
    mine.insert(mine.end(), place(blocks.first), place(blocks.end));
    images = images.subspan(batch.size());
  }
  will_need(mine);
}

/// The steps that are left of an epoch. False: interrupted after one of them.
bool Trainer::train_epoch(const TrainingEvents& events, const std::atomic<bool>& stop) {
  order_of_epoch(seed_, epochs_done() + 1, spec_.shuffle, order_);
  const std::span<const std::int64_t> order(order_);
  const auto images_from = [&](std::int64_t step) {
    return order.subspan(std::min(static_cast<std::size_t>(step * spec_.batch_size), order.size()));
  };
  expect(images_from(now_.steps));
  std::optional<ActivityMeter> meter;
  if (events.on_layers && events.layers_every > 0) meter.emplace(network_, network_.largest_batch());
  const double start = now_seconds() - now_.seconds;
  while (now_.steps < steps_per_epoch_) {
    const auto left = images_from(now_.steps);
    const auto images = left.first(std::min(static_cast<std::size_t>(spec_.batch_size), left.size()));
    const bool look = meter && (steps_done() + 1) % events.layers_every == 0;
    train_step(images, look ? &meter->observer() : nullptr);
    now_.seconds = now_seconds() - start;
    if (look) {
      const StepProgress at = progress();
      events.on_layers(at, with_gradients(meter->take(cluster_),
                                          gradient_norms(network_, passes_.training().gradients())));
    }
    if (events.on_losses) events.on_losses(images, passes_.training().losses());
    if (events.on_step) events.on_step(progress());
    const bool stopped = agree_on(now_.seconds, stop);
    budget_.after_step(now_.seconds, now_.steps);
    if (events.on_state) events.on_state(false);
    if (stopped || (cluster_.size() == 1 && stop)) return false;
  }
  return true;
}

StepProgress Trainer::progress() const {
  return {.epoch = epochs_done() + 1,
          .epochs = epochs(),
          .step = now_.steps,
          .steps_per_epoch = steps_per_epoch_,
          .loss = now_.loss_sum / static_cast<double>(now_.seen),
          .accuracy = static_cast<double>(now_.correct) / static_cast<double>(now_.seen),
          .batch_loss = batch_loss_};
}

void Trainer::train_step(std::span<const std::int64_t> images, const Observer* observer) {
  const auto epoch = static_cast<std::uint32_t>(epochs_done() + 1);
  const std::function<void(int, int, int, BlockView<float>)> fill = [&](int block, int count, int worker,
                                                                        BlockView<float> x) {
    mixup_.fill(static_cast<std::size_t>(block) * kLanes, static_cast<std::size_t>(count), epoch, worker, x);
  };
  for (std::size_t i = 0; i < images.size(); ++i)
    labels_[i] = train_.labels[static_cast<std::size_t>(images[i])];
  mixup_.begin(passes_.train_set(), images, static_cast<std::uint32_t>(steps_done()));
  const Batch batch{.images = static_cast<std::int64_t>(images.size()),
                    .labels = labels_.data(),
                    .second_labels = mixup_.second_labels(),
                    .share = mixup_.share(),
                    .fill = &fill,
                    .seed = seed_,
                    .step = static_cast<std::uint32_t>(steps_done()),
                    .label_smoothing = static_cast<float>(spec_.label_smoothing),
                    .class_weights = class_weights_};
  const std::span<float> states = network_.states();
  states_before_.assign(states.begin(), states.end());
  const auto put_back = [&] { std::copy(states_before_.begin(), states_before_.end(), states.begin()); };
  try {
    std::optional<PostMortem::Cause> cause;
    if (!passes_.training().train(batch, observer))
      cause = PostMortem::Cause::loss;
    else if (!all_finite(learning_part(passes_.training().gradients())))
      cause = PostMortem::Cause::gradient;
    if (cause) {
      put_back();  // the post-mortem needs the network as it went into the step
      give_up(*cause, batch, images);
    }
  } catch (...) {
    put_back();
    throw;
  }
  optimizer_.step(schedule_.factor(position(steps_done())) * rate_scale_, epochs_done() + 1,
                  passes_.training().gradients(), network_.parameters(), pool_);
  if (!all_finite(learning_part(network_.parameters())) || !all_finite(network_.states()))
    give_up(PostMortem::Cause::weight, batch, images);
  if (lookahead_) {
    const std::int64_t steps = steps_done() + 1;
    lookahead_->after_step(steps, position(steps) / static_cast<double>(schedule_.steps()), network_, pool_);
  }
  network_.pack(pool_, passes_.learns_from());
  if (averaging_) averaging_->update(network_, pool_);
  double loss_sum = 0;
  for (const float loss : passes_.training().losses()) loss_sum += loss;
  now_.loss_sum += loss_sum;
  batch_loss_ = loss_sum / static_cast<double>(batch.images);
  for (std::size_t i = 0; i < images.size(); ++i)
    now_.correct += passes_.training().predictions()[i] == labels_[i];
  now_.seen += batch.images;
  if (++now_.steps == steps_per_epoch_)
    gradient_norms_ = gradient_norms(network_, passes_.training().gradients());
}

/// Measures the model, and keeps it if it is the best so far. False: interrupted, and nothing has changed.
bool Trainer::measure(EpochResult& result, const TrainingEvents& events, const std::atomic<bool>& stop) {
  const auto validated = [&](std::int64_t images) {
    if (events.on_validated) events.on_validated(images);
    return true;
  };
  if (validation_)
    result.validation = times_.measure(Spent::validation, [&] {
      return cnn::evaluate(passes_.validation_runner(), *passes_.validation_set(), events.on_validation,
                           validated, &stop, cluster_);
    });
  if (stops(stop)) return false;
  result.best = !validation_ || history_.empty() ||
                is_better(*result.validation, *best_of(history_).validation, spec_.best);
  result.activity = times_.measure(
      Spent::statistics, [&] { return with_gradients(passes_.measure_activity(stop), gradient_norms_); });
  if (stops(stop)) return false;
  if (!result.best) return true;
  std::ranges::copy(network_.parameters(), best_parameters_.data());
  std::ranges::copy(network_.states(), best_states_.data());
  return true;
}

/// Measures, and closes the epoch. False: interrupted, and nothing has changed.
bool Trainer::finish_epoch(const TrainingEvents& events, const std::atomic<bool>& stop) {
  EpochResult result;
  result.epoch = epochs_done() + 1;
  result.learning_rate = learning_rate(steps_done() - 1);
  result.seconds = now_.seconds;
  if (now_.seconds > 0) result.images_per_second = static_cast<double>(now_.seen) / now_.seconds;
  result.train_loss = now_.loss_sum / static_cast<double>(now_.seen);
  result.train_accuracy = static_cast<double>(now_.correct) / static_cast<double>(now_.seen);
  bool measured = false;
  with_model([&] {
    measured = measure(result, events, stop);
    if (!measured) return;
    history_.push_back(std::move(result));
    ++epochs_done_;
    now_ = {};
    double elapsed = now_seconds() - began_;
    agree_on(elapsed, false);
    budget_.after_epoch(elapsed, elapsed - budget_.used(), epochs_done());
    if (events.on_epoch) events.on_epoch(history_.back());
  });
  if (!measured) return false;
  if (events.on_state) events.on_state(true);
  return true;
}

void Trainer::give_up(PostMortem::Cause cause, const Batch& batch, std::span<const std::int64_t> images) {
  PostMortem found = examine(
      cause, network_, passes_.training(), batch,
      cause == PostMortem::Cause::loss ? std::span<const float>() : passes_.training().gradients(), cluster_);
  found.epoch = epochs_done() + 1;
  found.step = now_.steps + 1;
  found.learning_rate = learning_rate(steps_done());
  for (const std::int64_t image : images)
    found.images.push_back(train_.name ? train_.name(image) : std::to_string(image));
  throw NonFiniteError(std::move(found));
}

}  // namespace cnn
