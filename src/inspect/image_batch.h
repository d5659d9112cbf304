#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "nn/runner.h"
#include "nn/shape.h"

namespace cnn {

/// A few labeled images in plain order, for a Runner. Stays where it is: batch() points into it.
class ImageBatch {
 public:
  /// values: [image][c][h][w], as the network reads them; labels: one for each image.
  ImageBatch(const Shape& shape, std::vector<float> values, std::vector<std::int32_t> labels);
  ImageBatch(const ImageBatch&) = delete;
  ImageBatch& operator=(const ImageBatch&) = delete;

  int images() const { return static_cast<int>(labels_.size()); }
  const Shape& shape() const { return shape_; }
  const std::vector<float>& values() const { return values_; }
  const std::vector<std::int32_t>& labels() const { return labels_; }
  void set_label(int image, std::int32_t label) { labels_[static_cast<std::size_t>(image)] = label; }
  Batch batch() const;

 private:
  Shape shape_;
  std::vector<float> values_;
  std::vector<std::int32_t> labels_;
  std::function<void(int, int, int, BlockView<float>)> fill_;
};

/// Lanes of a block from and to images in plain order: `images` of them, [image][c][h][w], from the block's
/// first image on. The other lanes become 0.
void to_lanes(std::span<const float> values, int images, BlockView<float> x);
void from_lanes(BlockView<const float> x, int images, std::span<float> values);

}  // namespace cnn
