#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

namespace cnn {

/// A control group of Linux whose limits hold for this process.
struct ControlGroup {
  std::filesystem::path folder;
  int version;  ///< 1 or 2: the files of its limits have other names
};

/// The groups of this process that have a controller ("memory", "cpu"), and those above them, which limit it
/// as well. In a container the path may be one that only its host sees; then the root is what counts. `root`:
/// where /proc and /sys are, for tests.
std::vector<ControlGroup> control_groups(std::string_view controller,
                                         const std::filesystem::path& root = "/");

}  // namespace cnn
