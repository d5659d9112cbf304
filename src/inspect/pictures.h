#pragma once

#include <filesystem>
#include <string>

#include "inspect/inspected.h"

namespace cnn {

/// --filters: the kernels of the first convolution as a picture.
void draw_filters(const Inspected& inspected, const std::filesystem::path& out);

/// --features: the output of every layer for an image, one picture each, into a folder.
void draw_features(const Inspected& inspected, const std::filesystem::path& image,
                   const std::filesystem::path& folder, ThreadPool& pool);

/// --receptive-field: which pixels of an image an output of a layer reads.
void draw_receptive_field(const Inspected& inspected, const std::string& layer,
                          const std::filesystem::path& image, const std::filesystem::path& out);

}  // namespace cnn
