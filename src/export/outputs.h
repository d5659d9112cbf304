#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace cnn {

/// Files that appear together: all of them, or none.
using OutputFiles = std::vector<std::pair<std::filesystem::path, std::string>>;

/// Throws Error (exit 2) for a path that exists, unless `force`, that is the model itself, or whose folder
/// does not exist. make_folder: the last folder of the paths may be missing.
void check_output_paths(const std::vector<std::filesystem::path>& paths, const std::filesystem::path& model,
                        bool make_folder, bool force);

/// Writes each file atomically, in a folder that is made if it is missing. If one cannot be written, those
/// that were not there before are removed again. Throws Error (exit 1).
void write_outputs(const OutputFiles& files);

}  // namespace cnn
