#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/cluster.h"
#include "core/thread_pool.h"
#include "data/augmentation.h"
#include "data/data_spec.h"
#include "data/dataset.h"
#include "data/fingerprint.h"
#include "data/normalize.h"
#include "session/voice.h"
#include "train/evaluation.h"
#include "train/image_set.h"

namespace cnn {

/// The sets of a config, decoded. Nothing here depends on the seed.
struct OpenedData {
  std::shared_ptr<const Dataset> train, validation, test;  ///< null: none; a fraction is not split off yet
  std::vector<Fingerprint> train_prints, validation_prints, test_prints;
  std::vector<std::string> notes;              ///< what to tell the user: counts, skipped files, warnings
  std::optional<PixelRange> found_range = {};  ///< of "range": "auto"
};

/// What the trainer reads, and what a model must remember of it.
struct TrainingData {
  ImageSet train;
  ImageSet plain_train;  ///< the same images without augmentation
  std::optional<ImageSet> validation;
  std::vector<WeightedLook> test;  ///< empty: none; several with test-time augmentation
  std::shared_ptr<const Dataset> validation_images, test_images;  ///< what they are made of, to be shown
  std::vector<std::string> classes;
  std::vector<double> mean, std;   ///< per channel
  std::vector<std::string> notes;  ///< as in OpenedData, and what the split adds
  std::string duplicates;          ///< a CSV table of identical images; "" if there are none
  std::string near_duplicates;     ///< a CSV table of similar images; "" if there are none
};

/// A data set as the trainer sees it.
ImageSet image_set(std::shared_ptr<const Dataset> dataset, const Normalize& normalize, int workers,
                   Augmentation augmentation = {});

/// The same as all looks of a test-time augmentation.
std::vector<WeightedLook> looks_at(const std::shared_ptr<const Dataset>& dataset, const Normalize& normalize,
                                   int workers, TestTimeAugmentation augmentation);

/// Opens and checks the data of a config. Throws Error with everything that is wrong with it. Collective: a
/// process whose data are not those of process 0 throws.
OpenedData open_data(const DataSpec& spec, ThreadPool& pool, const Voice& voice, Cluster& cluster = alone());

/// Splits off the validation part, looks for copies among the parts, and computes the normalization, as the
/// seed has it.
TrainingData prepare_data(const OpenedData& opened, const DataSpec& spec, std::uint64_t seed,
                          ThreadPool& pool, Cluster& cluster = alone());

}  // namespace cnn
