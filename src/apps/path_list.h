#pragma once

#include <filesystem>
#include <istream>
#include <span>
#include <string>
#include <vector>

namespace cnn {

/// The paths that another program writes: one a line or, if there is a NUL in them, each ended by one (find
/// -print0), so that any name will do. Empty lines do not count. Throws Error (exit 1) if there is none.
std::vector<std::filesystem::path> read_path_list(std::istream& in);

/// A few paths in words: "a.png, b.png and 7 more".
std::string join_paths(std::span<const std::filesystem::path> paths);

}  // namespace cnn
