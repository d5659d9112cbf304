#pragma once

#include <filesystem>
#include <vector>

#include "inspect/inspected.h"

namespace cnn {

/// cnn-inspect --page: one HTML file with a trained network, its weights and these images (a few generated
/// ones if there are none), whose script runs the network forward and backward; nothing in it comes from
/// elsewhere. Replaces the file, and prints its path. Throws Error for an image that cannot be read, a
/// network that is too large for a page, and an output that would replace a file that is read.
void write_network_page(const Inspected& inspected, const std::vector<std::filesystem::path>& images,
                        const std::filesystem::path& out);

}  // namespace cnn
