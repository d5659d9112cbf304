#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/config.h"
#include "nn/network.h"
#include "session/training_data.h"
#include "train/checkpoint.h"
#include "train/data_identity.h"
#include "train/model_file.h"
#include "train/trainer.h"

namespace cnn {

/// Everything that a training of a config with its seed begins with: images, networks and trainer, which fit
/// together and into memory.
class TrainingSetup {
 public:
  /// Plans the network, and initializes it or goes on from a checkpoint. The pool must outlive the object.
  /// Throws Error: for shapes, with file, line and column from `document`; for initial weights; if memory is
  /// too small; if the checkpoint belongs to other data. Collective, as is everything that the trainer does.
  TrainingSetup(const Document& document, Config config, const OpenedData& opened, ThreadPool& pool,
                const Checkpoint* start = nullptr, Cluster& cluster = alone());

  const Config& config() const { return config_; }
  ThreadPool& pool() const { return pool_; }
  Cluster& cluster() const { return cluster_; }
  const Shape& input() const { return input_; }
  /// Its training part is what a filter keeps. Until the filter's proxy network has chosen, the first images
  /// of each class stand in: as many, so that whatever depends on their number can be checked and planned.
  const TrainingData& data() const { return data_; }
  /// The training images before a filter.
  const ImageSet& all_train() const { return all_train_; }
  /// The numbers in all_train() of what a filter keeps.
  const std::vector<std::int64_t>& kept() const { return kept_; }
  Network& network() const { return *network_; }
  /// Only while a filter has yet to choose.
  Network* proxy() const { return proxy_.get(); }
  Trainer& trainer() const { return *trainer_; }
  const DataIdentity& identity() const { return identity_; }
  /// The memory of the larger one of network and proxy.
  std::int64_t bytes() const { return bytes_; }
  /// Tensors of the file to start from that this network has no use for.
  const StartingWeights& started_from() const { return started_from_; }
  bool resumed() const { return resumed_; }

  /// Lines for the log when the training begins.
  const std::vector<std::string>& notes() const { return notes_; }
  void add_note(std::string line) { notes_.push_back(std::move(line)); }

  /// Where a trainer keeps features for the next command.
  FeatureStoreSpec feature_store() const;

  /// Frees the trainer's memory for another one.
  void drop_trainer() { trainer_.reset(); }
  /// The filter has chosen: the proxy network goes, and a new trainer takes these images.
  void choose(std::vector<std::int64_t> images);

 private:
  /// What `network` and `freeze` of the config say together.
  NetworkSpec trained_network() const;
  std::unique_ptr<Network> planned(const NetworkSpec& spec, int batch_size) const;
  std::int64_t bytes_of(const Network& network, const Network* proxy) const;
  void check_memory(const Document& document) const;
  void take_initial_weights(const InitialWeightsSpec& start);
  void check_identity(const Checkpoint& checkpoint) const;
  std::string advice_for_new_data(const DataIdentity& before) const;
  void keep(std::vector<std::int64_t> images);
  void make_trainer();
  void check_proxy() const;

  const Config config_;
  ThreadPool& pool_;
  Cluster& cluster_;
  const Shape input_;
  TrainingData data_;
  ImageSet all_train_;
  std::vector<std::int64_t> kept_;
  std::unique_ptr<Network> network_, proxy_;
  StartingWeights started_from_;
  std::int64_t bytes_ = 0;
  DataIdentity identity_;
  std::unique_ptr<Trainer> trainer_;
  bool resumed_ = false;
  std::vector<std::string> notes_;
};

}  // namespace cnn
