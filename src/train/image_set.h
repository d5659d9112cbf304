#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/block.h"

namespace cnn {

/// Images as the trainer sees them: labels, and a way to put up to 16 of them into the lanes of a block.
struct ImageSet {
  std::vector<std::int32_t> labels;  ///< index of the class; -1: none

  /// Writes these images (numbers in this set), as they look in this epoch, into x; the lanes behind them
  /// become 0. Called by several workers at once; worker < threads.
  std::function<void(std::span<const std::int64_t> images, std::uint32_t epoch, int worker,
                     BlockView<float> x)>
      fill;

  /// These images are wanted soon, in this order. May be empty.
  std::function<void(std::span<const std::int64_t> images)> will_need;

  std::function<std::string(std::int64_t image)> name;

  /// Whether an image looks different in every epoch.
  bool changes = false;

  /// Not 0: training mixes the images of a batch (see Mixup).
  double mixup_alpha = 0;

  std::int64_t size() const { return static_cast<std::int64_t>(labels.size()); }
};

/// Some images of a set, in this order. Each looks in every epoch as it does in the whole set.
ImageSet some_images(const ImageSet& set, std::vector<std::int64_t> images);

}  // namespace cnn
