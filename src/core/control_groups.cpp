#include "core/control_groups.h"

#include <algorithm>
#include <fstream>
#include <string>

namespace cnn {
namespace {

namespace fs = std::filesystem;

/// Whether a list, "cpu,cpuacct", has a word.
bool lists(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    if (list.substr(0, end) == word) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

void add_levels(const fs::path& mount, std::string_view group, int version,
                std::vector<ControlGroup>& groups) {
  fs::path level = mount / fs::path(group).relative_path();
  for (;; level = level.parent_path()) {
    groups.push_back({level, version});
    if (level == mount || !level.has_relative_path()) return;
  }
}

}  // namespace

std::vector<ControlGroup> control_groups(std::string_view controller, const fs::path& root) {
  const fs::path mount = root / "sys/fs/cgroup";
  std::vector<ControlGroup> groups;
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {  // "0::/a/b" or "5:cpu,cpuacct:/a/b"
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    if (controllers.empty())
      add_levels(mount, group, 2, groups);
    else if (lists(controllers, controller)) {
      // Mounted under the name of one controller, or of all that share the mount.
      add_levels(mount / controller, group, 1, groups);
      if (controllers != controller) add_levels(mount / controllers, group, 1, groups);
    }
  }
  if (groups.empty()) groups.push_back({mount, 2});  // no /proc: what is there is of version 2
  return groups;
}

}  // namespace cnn
