#include "core/processors.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <thread>

#include "core/control_groups.h"
#include "core/processor_set.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

constexpr int kUnlimited = 1 << 20;

/// A number that is the first or only one of a file; 0 if there is none, as with "max".
double number_in(std::istream& file) {
  std::string word;
  file >> word;
  char* end = nullptr;
  const double number = std::strtod(word.c_str(), &end);
  return !word.empty() && *end == '\0' && number > 0 ? number : 0;
}

/// Microseconds of processor time in each period, as processors.
int quota_of(const ControlGroup& group) {
  double quota, period;
  if (group.version == 2) {
    std::ifstream file(group.folder / "cpu.max");  // "150000 100000" or "max 100000"
    quota = number_in(file), period = number_in(file);
  } else {
    std::ifstream quota_file(group.folder / "cpu.cfs_quota_us"),
        period_file(group.folder / "cpu.cfs_period_us");
    quota = number_in(quota_file), period = number_in(period_file);  // -1: no limit
  }
  if (quota <= 0 || period <= 0) return kUnlimited;
  return static_cast<int>(std::clamp(std::ceil(quota / period), 1.0, double{kUnlimited}));
}

}  // namespace

int usable_processors(const fs::path& root) {
  int count = ProcessorSet::of_this_process().count();
  if (count == ProcessorSet::kMost) count = static_cast<int>(std::thread::hardware_concurrency());
  for (const ControlGroup& group : control_groups("cpu", root)) count = std::min(count, quota_of(group));
  return std::max(count, 1);
}

}  // namespace cnn
