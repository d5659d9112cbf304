#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "inspect/inspected.h"
#include "inspect/visible_image.h"

namespace cnn {

/// A few images as the network reads them.
struct InputImages {
  std::vector<float> values;       ///< [image][c][h][w], normalized
  std::vector<std::string> names;  ///< the path, or what else it is
  std::vector<int> labels;         ///< index of the class whose folder the file lies in; -1: not known
  VisibleRange range;              ///< to make them visible again
  std::string normalization;       ///< how they were normalized, in words

  int count() const { return static_cast<int>(names.size()); }
  std::span<const float> image(int number) const;
};

/// Decodes files as a training would. Where the normalization is not known (a config with "auto": its data is
/// not opened) the images' own mean and deviation take its place. Throws Error (exit 1) for a file that is
/// not an image.
InputImages read_images(const Inspected& inspected, const std::vector<std::filesystem::path>& files);

/// Soft rings and strokes, the same ones every time, different for each number: for use where no image was
/// given.
InputImages generated_images(const Inspected& inspected, int count);

}  // namespace cnn
