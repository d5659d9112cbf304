#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "data/dataset.h"

namespace cnn {

/// Images that lie in memory one after the other.
class MemoryDataset final : public Dataset {
 public:
  struct Content {
    PixelType type = PixelType::bytes;
    int channels = 0, height = 0, width = 0;
    std::vector<std::byte> pixels;  ///< size() images, no gaps; floats in the machine's byte order
    std::vector<int> labels;        ///< one per image; -1: none
    std::vector<std::string> classes;
    std::function<std::string(std::int64_t)> name;
  };

  /// The number of labels is the number of images.
  explicit MemoryDataset(Content content);

  std::int64_t size() const override { return static_cast<std::int64_t>(content_.labels.size()); }
  int channels() const override { return content_.channels; }
  int height() const override { return content_.height; }
  int width() const override { return content_.width; }
  PixelType pixel_type() const override { return content_.type; }
  const std::vector<std::string>& classes() const override { return content_.classes; }
  int label(std::int64_t index) const override { return content_.labels[static_cast<std::size_t>(index)]; }
  std::string name(std::int64_t index) const override { return content_.name(index); }
  const std::byte* pixels(std::int64_t index, std::vector<std::byte>&) const override {
    return content_.pixels.data() + static_cast<std::size_t>(index) * image_bytes_;
  }

 private:
  Content content_;
  std::size_t image_bytes_;
};

}  // namespace cnn
