#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/thread_pool.h"
#include "data/augmentation.h"
#include "data/data_spec.h"
#include "data/dataset.h"
#include "data/normalize.h"
#include "train/image_set.h"

namespace cnn {

/// The sets of a config, opened: what the trainer reads, and what a model must remember of them.
struct TrainingData {
  ImageSet train;
  std::optional<ImageSet> validation, test;
  std::vector<std::string> classes;
  std::vector<double> mean, std;   ///< per channel
  std::vector<std::string> notes;  ///< what to tell the user: counts, skipped files, warnings
};

/// A data set as the trainer sees it.
ImageSet image_set(std::shared_ptr<const Dataset> dataset, const Normalize& normalize, int workers,
                   Augmentation augmentation = {});

/// Opens, checks and splits the data of a config. Throws Error with everything that is wrong with it.
TrainingData open_training_data(const DataSpec& spec, std::uint64_t seed, ThreadPool& pool, bool quiet);

}  // namespace cnn
