#include "core/memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>
#include <string_view>

#include "core/control_groups.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

/// The number in a file that holds one; nothing for "max" and where there is no such file.
std::optional<std::int64_t> number_in(const fs::path& path) {
  std::ifstream file(path);
  std::int64_t number = 0;
  if (!(file >> number) || number < 0) return std::nullopt;
  return number;
}

/// The number behind a word: "MemAvailable: 123 kB", "inactive_file 123".
std::int64_t number_behind(const fs::path& path, std::string_view word) {
  std::ifstream file(path);
  std::string key, rest;
  for (std::int64_t number = 0; file >> key >> number; std::getline(file, rest))
    if (key == word) return number;
  return 0;
}

/// What one control group leaves; file cache is given back when memory is short.
std::optional<std::int64_t> left_in_group(const fs::path& group, const char* limit, const char* usage,
                                          std::array<const char*, 2> cache) {
  const auto most = number_in(group / limit), used = number_in(group / usage);
  if (!most || !used) return std::nullopt;
  std::int64_t taken = *used;
  for (const char* word : cache) taken -= number_behind(group / "memory.stat", word);
  return std::max<std::int64_t>(0, *most - std::max<std::int64_t>(0, taken));
}

/// What the process may still map; statm counts pages.
std::optional<std::int64_t> left_of_rlimit(int resource, const fs::path& statm, int column) {
  rlimit limit{};
  if (::getrlimit(static_cast<decltype(RLIMIT_AS)>(resource), &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return std::nullopt;
  std::ifstream file(statm);
  std::int64_t pages = 0;
  for (int i = 0; i <= column; ++i) file >> pages;
  const auto most = static_cast<std::int64_t>(std::min<rlim_t>(limit.rlim_cur, rlim_t{1} << 62));
  return std::max<std::int64_t>(0, most - pages * ::sysconf(_SC_PAGESIZE));
}

}  // namespace

AvailableMemory available_memory(const fs::path& root) {
  AvailableMemory available;
  const auto consider = [&](std::optional<std::int64_t> bytes, const char* limit) {
    if (bytes && *bytes < available.bytes) available = {*bytes, limit};
  };
  if (const std::int64_t kib = number_behind(root / "proc/meminfo", "MemAvailable:"); kib > 0)
    consider(kib * 1024, "this machine");

  for (const ControlGroup& group : control_groups("memory", root))
    consider(
        group.version == 2
            ? left_in_group(group.folder, "memory.max", "memory.current", {"inactive_file", "active_file"})
            : left_in_group(group.folder, "memory.limit_in_bytes", "memory.usage_in_bytes",
                            {"total_inactive_file", "total_active_file"}),
        "the memory limit of the control group");
  consider(left_of_rlimit(RLIMIT_AS, root / "proc/self/statm", 0), "the limit on address space (ulimit -v)");
  consider(left_of_rlimit(RLIMIT_DATA, root / "proc/self/statm", 5), "the limit on data (ulimit -d)");
  return available;
}

std::int64_t private_cache_bytes() {
  long bytes = 0;
#if defined(_SC_LEVEL2_CACHE_SIZE)
  bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
#endif
  return bytes > 0 ? bytes : 1 << 20;
}

}  // namespace cnn
