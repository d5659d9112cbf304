#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/thread_pool.h"
#include "data/image_files.h"
#include "inspect/inspected.h"

namespace cnn {

/// Interleaved pixels of images: [image][row][column][channel].
struct PixelSample {
  std::vector<std::vector<std::uint8_t>> images;
  std::vector<std::string> classes;  ///< of the folder, if it has any
  std::vector<BadFile> bad;          ///< left out
};

/// At most `most` images of a folder, evenly spread over it, as the model sees them before normalization.
/// Throws Error for a folder without an image that can be read.
PixelSample sample_pixels(const Inspected& model, const std::filesystem::path& folder, std::int64_t most,
                          ThreadPool& pool);

/// An export's probabilities for an image. Any number of threads may ask.
using ExportAnswer =
    std::function<void(std::span<const std::uint8_t> pixels, std::vector<float>& probabilities)>;
/// The same of numbers from 0 to 1, [channel][row][column].
using ExportFloatAnswer =
    std::function<void(std::span<const float> pixels, std::vector<float>& probabilities)>;

/// What the engine and an export say about the same images.
struct ExportComparison {
  std::int64_t images = 0, labeled = 0;
  std::int64_t engine_correct = 0, export_correct = 0;
  std::int64_t agree = 0;         ///< the same class has the largest probability
  double largest_difference = 0;  ///< of a probability
  std::vector<BadFile> bad;       ///< left out

  double share(std::int64_t part, std::int64_t whole) const {
    return static_cast<double>(part) / static_cast<double>(whole);
  }
};

/// Takes the images of a folder, with one subfolder for each class or without labels, through both. Throws
/// Error for classes that the model does not know.
/// at_16_bits: for models whose images are not bytes.
ExportComparison compare(const Inspected& model, const std::filesystem::path& folder, ThreadPool& pool,
                         const ExportAnswer& answer, const ExportFloatAnswer& at_16_bits = {});

}  // namespace cnn
