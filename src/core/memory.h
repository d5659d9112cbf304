#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace cnn {

/// Memory that this process can still get.
struct AvailableMemory {
  std::int64_t bytes = std::int64_t{1} << 62;
  std::string limit;  ///< what sets it: "this machine", "the memory limit of the cgroup", "ulimit -v"
};

/// The least of what the machine has free, what the control groups leave (version 1 and 2, each level; file
/// cache counts as free) and what the process may map (RLIMIT_AS, RLIMIT_DATA). `root`: where /proc and /sys
/// are, for tests.
AvailableMemory available_memory(const std::filesystem::path& root = "/");

/// Bytes of cache that a core has for itself, as the system says; 1 MiB where it does not.
std::int64_t private_cache_bytes();

}  // namespace cnn
