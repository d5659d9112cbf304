#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/block.h"
#include "data/augmentation.h"
#include "data/dataset.h"
#include "data/normalize.h"

namespace cnn {

/// Writes images into blocks of 16 lanes, augmented and normalized: what the first layer reads, in training
/// and in evaluation alike.
class BatchFiller {
 public:
  /// The data set must outlive the filler. workers: how many threads call fill at once.
  BatchFiller(const Dataset& dataset, const Normalize& normalize, int workers,
              Augmentation augmentation = {});

  /// Lane l of `block` becomes image indices[l], for at most 16 indices; the other lanes become 0. Only the
  /// interior is written: c, h, w are the data set's, the halo stays as it is.
  /// A byte v becomes ((v / 255) - mean) / std in float32, a float likewise without the division by 255.
  /// epoch: for the augmentation. Calls with different `worker` may run at the same time; nothing is
  /// allocated after the first calls if the images are in memory. Throws Error if an image cannot be read.
  void fill(std::span<const std::int64_t> indices, std::uint32_t epoch, int worker,
            BlockView<float> block) const;

 private:
  using Table = std::array<float, 256>;
  struct Worker;
  struct FreeWorkers {
    void operator()(std::vector<Worker>* workers) const;
  };
  template <class Value>
  void fill_lanes(std::span<const std::int64_t> indices, std::uint32_t epoch, Worker& worker,
                  BlockView<float> block) const;
  /// The augmented pixels of an image as floats, in memory of the worker's.
  template <class Value>
  const float* changed(const Value* image, std::int64_t index, std::uint32_t epoch, Worker& worker,
                       std::size_t lane) const;
  /// moves: of each lane; null: none.
  template <class Value>
  void write_lanes(const std::array<const Value*, kLanes>& images, int count,
                   const Augmentation::Moves* moves, BlockView<float> block) const;

  const Dataset& dataset_;
  Augmentation augmentation_;
  std::vector<float> mean_, std_;
  std::vector<Table> tables_;        // per channel: what a byte becomes
  std::vector<bool> without_table_;  // per channel: normalize_bytes() can take the rows and says the same
  std::unique_ptr<std::vector<Worker>, FreeWorkers> workers_;
};

}  // namespace cnn
