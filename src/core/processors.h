#pragma once

#include <filesystem>

namespace cnn {

/// The number of processors that this process may use: those of its affinity mask, at most as many as the
/// quotas of its control groups (version 1 and 2, each level) allow, rounded up. `root`: where /proc and /sys
/// are, for tests.
int usable_processors(const std::filesystem::path& root = "/");

}  // namespace cnn
