#pragma once

#include <atomic>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace cnn {

/// Files that appear together: all of them, or none.
using OutputFiles = std::vector<std::pair<std::filesystem::path, std::string>>;

/// Whether the path means standard output.
bool is_standard_output(const std::filesystem::path& path);

/// Throws Error (exit 2) for a path that exists, unless `force`, that is the model itself, or whose folder
/// does not exist. make_folder: the last folder of the paths may be missing.
void check_output_paths(const std::vector<std::filesystem::path>& paths, const std::filesystem::path& model,
                        bool make_folder, bool force);

/// All are made ready beside their places, and then put in place. If one cannot be written, none is there,
/// and neither is a folder that was made for them. Throws Error (exit 1).
void write_outputs(const OutputFiles& files);

/// The same; false, with nothing written, if `stop` becomes true before all are ready.
bool write_outputs(const OutputFiles& files, const std::atomic<bool>& stop);

}  // namespace cnn
