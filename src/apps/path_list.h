#pragma once

#include <filesystem>
#include <istream>
#include <span>
#include <string>
#include <vector>

namespace cnn {

/// Paths written by another program: one per line or, if the text contains a NUL, each ended by a NUL (find
/// -print0), so that any file name works. Lines may end with CR LF, if all do. Empty lines do not
/// count. Throws Error (exit 1) if there is none,
/// or if the input is no list but goes on for ever, as /dev/zero does.
std::vector<std::filesystem::path> read_path_list(std::istream& in);

/// A few paths in words: "a.png, b.png and 7 more".
std::string join_paths(std::span<const std::filesystem::path> paths);

}  // namespace cnn
