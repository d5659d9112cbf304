#include "session/training_setup.h"

#include <algorithm>

#include "cluster/neighbors.h"
#include "config/network_text.h"
#include "config/proxy_training.h"
#include "config/spec_places.h"
#include "core/memory.h"
#include "core/text.h"
#include "train/class_weights.h"
#include "train/data_filter.h"
#include "train/freeze.h"
#include "train/model_file.h"
#include "train/whitening.h"

namespace cnn {
namespace {

/// With what only the images tell.
Config with_range(Config config, const std::optional<PixelRange>& found) {
  if (found) config.data.image.range = *found;
  return config;
}

}  // namespace

TrainingSetup::TrainingSetup(const Document& document, Config config, const OpenedData& opened,
                             ThreadPool& pool, const Checkpoint* start, Cluster& cluster)
    : config_(with_range(std::move(config), opened.found_range)),
      pool_(pool),
      cluster_(cluster),
      input_{.c = config_.data.image.channels, .h = config_.data.image.height, .w = config_.data.image.width},
      data_(prepare_data(opened, config_.data, config_.seed, pool, cluster)),
      all_train_(data_.train) {
  const TrainingSpec& training = config_.training;
  identity_ = {data_.classes, identify(data_.train), std::nullopt, data_.mean, data_.std};
  if (data_.validation) identity_.validation = identify(*data_.validation);
  if (start) check_identity(*start);  // before the network, which other classes do not fit
  const NetworkSpec spec = trained_network();
  network_ = with_places(document, [&] { return planned(spec, training.batch_size); });
  if (training.filter && !start)
    proxy_ = with_places(document, [&] { return planned(training.filter->proxy, training.batch_size); });
  network_->initialize(config_.seed);
  if (!start) whiten(*network_, data_.plain_train, pool);
  if (training.initial_weights && !start) take_initial_weights(*training.initial_weights);

  bytes_ = bytes_of(*network_, proxy_.get());
  check_memory(document);
  if (training.filter)
    keep(start ? to_kept_images(start->text("kept"), all_train_.size(), "the checkpoint")
               : hardest_images(all_train_.labels, std::vector<double>(all_train_.labels.size()),
                                training.filter->keep));
  make_trainer();
  if (proxy_) check_proxy();
  if (!start) return;
  trainer_->restore(*start);
  resumed_ = true;
}

NetworkSpec TrainingSetup::trained_network() const {
  const auto& freeze = config_.training.freeze;
  return freeze ? with_frozen_entries(config_.network, *freeze) : config_.network;
}

std::unique_ptr<Network> TrainingSetup::planned(const NetworkSpec& spec, int batch_size) const {
  return std::make_unique<Network>(spec, input_, static_cast<int>(data_.classes.size()), batch_size);
}

/// One is trained after the other, so the larger need counts.
std::int64_t TrainingSetup::bytes_of(const Network& network, const Network* proxy) const {
  const TrainingSpec& training = config_.training;
  const std::int64_t bytes = Trainer::bytes(network, training, pool_.threads());
  return proxy ? std::max(bytes, Trainer::bytes(*proxy, proxy_training(training), pool_.threads())) : bytes;
}

/// Refuses what does not fit, before it is allocated, with the batch size that would.
void TrainingSetup::check_memory(const Document& document) const {
  AvailableMemory available = available_memory();
  available.bytes /= processes_here(cluster_);
  if (bytes_ <= available.bytes) return;
  const TrainingSpec& training = config_.training;
  int fits = training.batch_size / 2;
  for (; fits > 0; fits /= 2) {
    const auto network = planned(trained_network(), fits);
    const auto proxy = proxy_ ? planned(training.filter->proxy, fits) : nullptr;
    if (bytes_of(*network, proxy.get()) <= available.bytes) break;
  }
  fail_usage("{}",
             document.explain("/training/batch_size",
                              fmt::format("training needs {} besides the data, but {} leaves {}; {}",
                                          human_bytes(bytes_), available.limit, human_bytes(available.bytes),
                                          fits > 0 ? fmt::format("a batch_size of {} fits", fits)
                                                   : "not even a batch_size of 1 fits: use a smaller "
                                                     "network, smaller images, or fewer threads")));
}

/// Only process 0 needs the file.
void TrainingSetup::take_initial_weights(const InitialWeightsSpec& start) {
  if (cluster_.is_root()) started_from_ = load_initial_weights(start, *network_);
  cluster_.broadcast(std::as_writable_bytes(network_->parameters()), 0);
  cluster_.broadcast(std::as_writable_bytes(network_->states()), 0);
}

void TrainingSetup::check_identity(const Checkpoint& checkpoint) const {
  const DataIdentity before = to_identity(checkpoint.text("data"), "the checkpoint");
  if (const auto found = differences(before, identity_); !found.empty())
    fail(
        "the data has changed since this run began: {}. A run only goes on with the data that it began with. "
        "Restore it, or start a new run from the model of this one: {}",
        join(found, "; "), advice_for_new_data(before));
}

/// What the config of a new run needs to start from the model of one with other data.
std::string TrainingSetup::advice_for_new_data(const DataIdentity& before) const {
  const std::string plain = "set \"initial_weights\" in \"training\" to its best.safetensors";
  if (before.classes == identity_.classes) return plain;
  const auto has_outputs = [](const LayerSpec& entry) {
    return std::holds_alternative<DenseSpec>(entry.spec) || std::holds_alternative<ConvSpec>(entry.spec);
  };
  const auto last = std::find_if(config_.network.rbegin(), config_.network.rend(), has_outputs);
  if (last == config_.network.rend()) return plain;
  const std::string fresh = fmt::format(
      "set \"initial_weights\" in \"training\" to {{\"file\": \"<this run>/best.safetensors\", \"except\": "
      "[\"{}\"]}}, so that the last layer learns anew",
      last->name);
  if (before.classes.size() == identity_.classes.size()) return fresh;
  return fmt::format("{}, and let that layer give {} values", fresh, identity_.classes.size());
}

void TrainingSetup::keep(std::vector<std::int64_t> images) {
  kept_ = std::move(images);
  data_.train = some_images(all_train_, kept_);
}

void TrainingSetup::make_trainer() {
  trainer_ = std::make_unique<Trainer>(
      *network_, pool_, config_.training, config_.seed, data_.train,
      data_.validation ? &*data_.validation : nullptr,
      class_weights(config_.training.class_weights, data_.classes, data_.train.labels), cluster_,
      feature_store());
}

FeatureStoreSpec TrainingSetup::feature_store() const {
  if (!config_.training.freeze || config_.data.disk_cache_mb == 0) return {};
  return {.store = {.folder = user_store(), .bytes = std::int64_t{config_.data.disk_cache_mb} << 20},
          .front_text = [network = config_.network](const std::string& last_entry) {
            return network_text_up_to(network, last_entry);
          }};
}

/// What the proxy's trainer would refuse is refused before there is a run folder.
void TrainingSetup::check_proxy() const {
  try {
    refuse_batch_of_one(*proxy_, all_train_.size(), proxy_training(config_.training));
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("the proxy network of training.filter: {}", error.what()));
  }
}

void TrainingSetup::choose(std::vector<std::int64_t> images) {
  proxy_.reset();
  trainer_.reset();
  keep(std::move(images));
  make_trainer();
}

}  // namespace cnn
