#include "train/training_passes.h"

#include <algorithm>
#include <cmath>

#include "core/memory.h"
#include "core/text.h"
#include "nn/frozen_front.h"
#include "train/evaluation.h"

namespace cnn {
namespace {

int frozen_epochs(const TrainingSpec& spec) {
  const bool thaws = spec.freeze && spec.freeze->unfreeze;
  return thaws ? std::min(spec.epochs, spec.freeze->unfreeze->after_epochs) : spec.epochs;
}

}  // namespace

TrainingPasses::TrainingPasses(Network& network, ThreadPool& pool, const TrainingSpec& spec,
                               const ImageSet& train, const ImageSet* validation, Cluster& cluster,
                               const FeatureStoreSpec& kept)
    : network_(network),
      pool_(pool),
      cluster_(cluster),
      spec_(spec.freeze),
      kept_(kept),
      most_views_(frozen_epochs(spec)),
      last_epoch_(spec.epochs),
      train_(train),
      validation_(validation),
      evaluation_(network, pool, false, kEvaluationBatch) {}

std::int64_t TrainingPasses::bytes(const Network& network, const TrainingSpec& spec, int threads) {
  const Route route{.learns_from = spec.freeze ? frozen_front(network, 1) : 0};
  return Runner::bytes(network, threads, true, network.largest_batch(), route) +
         Runner::bytes(network, threads, false, kEvaluationBatch);
}

/// Memory for features. The training needs memory, too, and so does what is read ahead.
std::int64_t TrainingPasses::most_bytes() const {
  return std::min(std::int64_t{spec_->cache_mb} << 20, available_memory().bytes / 2);
}

/// What is kept, for a front that is not empty.
FrontReport TrainingPasses::plan(int epoch, std::int64_t bytes_of_look) const {
  const Node& last = network_.nodes()[static_cast<std::size_t>(front_) - 1];
  FrontReport report{.epoch = epoch,
                     .last_entry = network_.layers()[static_cast<std::size_t>(last.entry)].name};
  const std::int64_t allowed = std::int64_t{spec_->cache_mb} << 20, most = most_bytes();
  const auto keep = [&](std::int64_t looks) {
    if ((report.looks + looks) * bytes_of_look > most) return false;
    report.looks += looks;
    report.bytes = report.looks * bytes_of_look;
    return true;
  };
  if (cluster_.size() > 1) {
    report.why_not = "several processes share the images";
    return report;
  }
  if (allowed == 0) {
    report.why_not = "\"cache_mb\" is 0";
    return report;
  }
  const int views = train_.changes ? std::min(spec_->cached_views, most_views_) : 0;
  const std::int64_t looks = train_.size() * std::max(1, views);
  if (train_.mixup_alpha > 0)
    report.why_not = "mixup makes new images in every step";
  else if (train_.changes && spec_->cached_views == 0)
    report.why_not = "augmentation changes them; \"cached_views\" would keep some looks at each";
  else if (!keep(looks))
    report.why_not =
        fmt::format("they take {}, and {} {}", human_bytes(looks * bytes_of_look),
                    most < allowed ? "half of the free memory is" : "\"cache_mb\" allows", human_bytes(most));
  report.training_is_kept = report.why_not.empty();
  if (report.training_is_kept) report.views = views;
  if (validation_) keep(validation_->size());
  return report;
}

void TrainingPasses::use_front(int front) {
  train_features_.reset(), validation_features_.reset();
  feature_bytes_ = 0;
  head_evaluation_.reset(), training_.reset();
  front_activity_.clear();
  front_ = front;
}

bool TrainingPasses::prepare(int epoch, const FrontEvents& events, const std::atomic<bool>& stop) {
  const int front = spec_ ? frozen_front(network_, epoch) : 0;
  if (front == front_) return true;
  const bool was_frozen = front_ > 0;
  use_front(front);
  const auto train_from = [&](const Route& route) {
    training_.emplace(network_, pool_, true, network_.largest_batch(), false, FusionChoice::where_it_pays,
                      cluster_, route);
  };
  if (front == 0) {
    train_from({});
    if (was_frozen && events.on_front) events.on_front({.epoch = epoch});
    return true;
  }
  {
    FeatureCache cache(network_, pool_, front, spec_->precision, kept_);
    const FrontReport report = plan(epoch, cache.bytes_of_look());
    if (events.on_front) events.on_front(report);
    const bool computed = report.looks == 0 || compute_features(report, cache, events, stop);
    FeatureReport found{.found = cache.found(), .store = {}};
    if (cache.keep()) found.store = kept_.store.folder;  // also of an interruption
    if (!computed) return use_front(-1), false;
    feature_bytes_ = report.bytes;
    if (events.on_kept) events.on_kept(found);
  }
  train_from(train_features_ ? Route{.first = front} : Route{.learns_from = front});
  if (validation_features_ || !front_activity_.empty())
    head_evaluation_.emplace(network_, pool_, false, kEvaluationBatch, false, FusionChoice::where_it_pays,
                             alone(), Route{.first = front});
  return true;
}

/// False: `stop` became true.
bool TrainingPasses::compute_features(const FrontReport& report, FeatureCache& cache,
                                      const FrontEvents& events, const std::atomic<bool>& stop) {
  std::int64_t before = 0;
  const auto compute = [&](const ImageSet& set, int views, bool metered, std::optional<ImageSet>& features) {
    const auto progress = [&](std::int64_t done) {
      if (events.on_features) events.on_features(before + done, report.looks);
    };
    auto found = cache.features({.set = set,
                                 .views = views,
                                 .metered = metered ? std::min(kActivityImages, set.size()) : 0,
                                 .progress = progress,
                                 .stop = stop});
    if (!found) return false;
    features = std::move(found->set);
    if (metered) front_activity_ = std::move(found->activity);
    before += set.size() * std::max(1, views);
    return true;
  };
  // Statistics are of images as they are in evaluation.
  const bool measures_training = !validation_ && report.training_is_kept && report.views == 0;
  if (report.training_is_kept && !compute(train_, report.views, measures_training, train_features_))
    return false;
  const bool keeps_validation = before < report.looks;
  if (keeps_validation && !compute(*validation_, 0, true, validation_features_)) return false;
  return true;
}

bool TrainingPasses::keeps_for_test(std::span<const WeightedLook> looks, const FeatureCache& cache) const {
  return spec_->precision == FreezeSpec::Precision::float32 && cluster_.size() == 1 &&
         std::ssize(looks) * looks.front().set.size() * cache.bytes_of_look() <=
             most_bytes() - feature_bytes_;
}

Evaluation TrainingPasses::evaluate(std::span<const WeightedLook> looks, const OnPrediction& each,
                                    const std::function<void(std::int64_t)>& progress,
                                    const std::atomic<bool>* stop) {
  const auto with_all = [&] {
    const auto go_on = [&](std::int64_t images) {
      if (progress) progress(images);
      return true;
    };
    return cnn::evaluate(evaluation_, looks, each, go_on, stop, cluster_);
  };
  // A training that was finished before has not been prepared.
  const int front = front_ >= 0 ? front_ : spec_ ? frozen_front(network_, last_epoch_) : 0;
  if (front == 0 || kept_.store.folder.empty()) return with_all();
  static const std::atomic<bool> never{false};
  std::vector<WeightedLook> behind;
  {
    FeatureCache cache(network_, pool_, front, spec_->precision, kept_);
    if (!keeps_for_test(looks, cache)) return with_all();
    std::int64_t before = 0;
    const auto show = [&](std::int64_t done) {
      if (progress) progress((before + done) / std::ssize(looks));
    };
    for (const WeightedLook& look : looks) {
      auto features = cache.features({.set = look.set, .progress = show, .stop = stop ? *stop : never});
      if (!features) return cache.keep(), Evaluation{};
      behind.push_back({std::move(features->set), look.weight});
      before += look.set.size();
    }
    cache.keep();
  }
  Runner head(network_, pool_, false, kEvaluationBatch, false, FusionChoice::where_it_pays, alone(),
              Route{.first = front});
  return cnn::evaluate(head, behind, each, {}, stop, cluster_);
}

std::vector<LayerActivity> TrainingPasses::measure_activity(const std::atomic<bool>& stop) {
  if (front_activity_.empty())
    return cnn::measure_activity(network_, evaluation_, measured(), kActivityImages, &stop, cluster_);
  const ImageSet& features = validation_ ? *validation_features_ : *train_features_;
  std::vector<LayerActivity> layers =
      cnn::measure_activity(network_, *head_evaluation_, features, kActivityImages, &stop, cluster_);
  for (std::size_t row = 0; row < layers.size(); ++row)
    if (std::isnan(layers[row].mean)) layers[row] = front_activity_[row];  // nobody has seen this one
  return layers;
}

}  // namespace cnn
