#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/data_spec.h"

namespace cnn {

enum class PixelType { bytes, floats };

/// Images of one size, [C][H][W] each, with labels: what training, evaluation and statistics read.
/// Everything here may be called by several threads at once.
class Dataset {
 public:
  virtual ~Dataset() = default;

  virtual std::int64_t size() const = 0;
  virtual int channels() const = 0;
  virtual int height() const = 0;
  virtual int width() const = 0;
  /// bytes: 0..255 stand for 0..1; floats: as they are.
  virtual PixelType pixel_type() const = 0;

  /// In the order of the labels.
  virtual const std::vector<std::string>& classes() const = 0;
  /// Index into classes(), or -1 for an image without a label.
  virtual int label(std::int64_t index) const = 0;
  /// For messages and tables: the path of the file, or "train-images.idx#17".
  virtual std::string name(std::int64_t index) const = 0;

  /// The C*H*W pixels of an image, channel by channel, row by row. Points into memory that lives as long as
  /// the dataset, or into `scratch`, which the call may resize: valid until the next call with that scratch.
  virtual const std::byte* pixels(std::int64_t index, std::vector<std::byte>& scratch) const = 0;

  /// A hint that these images are read next, in this order; returns at once.
  virtual void will_need(std::span<const std::int64_t>) const {}

  std::int64_t values_per_image() const { return std::int64_t{channels()} * height() * width(); }
};

}  // namespace cnn
