#include "inspect/image_batch.h"

#include "core/error.h"

namespace cnn {

ImageBatch::ImageBatch(const Shape& shape, std::vector<float> values, std::vector<std::int32_t> labels)
    : shape_(shape), values_(std::move(values)), labels_(std::move(labels)) {
  CNN_CHECK(values_.size() == labels_.size() * static_cast<std::size_t>(shape.values()) && !labels_.empty(),
            "{} values for {} images of {}", values_.size(), labels_.size(), to_string(shape));
  fill_ = [this](int block, int count, int, BlockView<float> x) {
    const auto begin = static_cast<std::size_t>(block * kLanes * shape_.values());
    to_lanes(std::span(values_).subspan(begin), count, x);
  };
}

Batch ImageBatch::batch() const {
  return {.images = images(), .labels = labels_.data(), .fill = &fill_, .seed = 1};
}

void to_lanes(std::span<const float> values, int images, BlockView<float> x) {
  const auto size = static_cast<std::size_t>(x.pixels());
  std::size_t at = 0;
  for (int c = 0; c < x.c; ++c)
    for (int h = 0; h < x.h; ++h)
      for (int w = 0; w < x.w; ++w, ++at)
        for (int lane = 0; lane < kLanes; ++lane)
          x.at(c, h, w)[lane] = lane < images ? values[static_cast<std::size_t>(lane) * size + at] : 0.0f;
}

void from_lanes(BlockView<const float> x, int images, std::span<float> values) {
  const auto size = static_cast<std::size_t>(x.pixels());
  std::size_t at = 0;
  for (int c = 0; c < x.c; ++c)
    for (int h = 0; h < x.h; ++h)
      for (int w = 0; w < x.w; ++w, ++at)
        for (int lane = 0; lane < images; ++lane)
          values[static_cast<std::size_t>(lane) * size + at] = x.at(c, h, w)[lane];
}

}  // namespace cnn
