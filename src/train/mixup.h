#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/block.h"
#include "train/image_set.h"

namespace cnn {

/// Mixes the images of a batch by pairs: image i becomes s x[i] + (1 - s) x[(i + k) mod n], and so does its
/// label. Share s and distance k are one for the whole batch, random, and depend on seed and step only.
/// s is the larger of the two shares, so image i stays mostly itself.
/// Source: H. Zhang et al., "mixup: Beyond empirical risk minimization", ICLR 2018, section 2.
class Mixup {
 public:
  /// alpha: of Beta(alpha, alpha), from which the share is drawn; 0: nothing is mixed.
  /// workers: how many threads call fill at once.
  Mixup(double alpha, std::uint64_t seed, int workers);

  /// Before each batch: its images (numbers in `set`), in order. Both must stay as they are until the next.
  /// A batch of one image is not mixed.
  void begin(const ImageSet& set, std::span<const std::int64_t> images, std::uint32_t step);

  /// The second label of each image of the batch; null if nothing is mixed.
  const std::int32_t* second_labels() const { return distance_ == 0 ? nullptr : second_labels_.data(); }
  float share() const { return share_; }

  /// Writes `count` images of the batch, from number `first` on, into x, mixed.
  void fill(std::size_t first, std::size_t count, std::uint32_t epoch, int worker, BlockView<float> x);

 private:
  double alpha_;
  std::uint64_t seed_;
  const ImageSet* set_ = nullptr;
  std::span<const std::int64_t> images_;
  std::vector<std::int64_t> partners_;
  std::vector<std::int32_t> second_labels_;
  std::size_t distance_ = 0;
  float share_ = 1;
  std::vector<AlignedBuffer> others_;  ///< of each worker: the partners of one block
};

}  // namespace cnn
