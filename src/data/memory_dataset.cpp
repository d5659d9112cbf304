#include "data/memory_dataset.h"

#include "core/error.h"

namespace cnn {

MemoryDataset::MemoryDataset(Content content) : content_(std::move(content)) {
  const std::size_t value_bytes = content_.type == PixelType::bytes ? 1 : sizeof(float);
  image_bytes_ = static_cast<std::size_t>(values_per_image()) * value_bytes;
  CNN_CHECK(content_.pixels.size() == content_.labels.size() * image_bytes_, "{} bytes, {} images of {}",
            content_.pixels.size(), content_.labels.size(), image_bytes_);
}

}  // namespace cnn
