#include "session/environment.h"

#include <spdlog/fmt/chrono.h>
#include <spdlog/fmt/fmt.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <chrono>
#include <fstream>

#include "core/processors.h"
#include "core/text.h"
#include "kernels/simd.h"

namespace cnn {
namespace {

/// The value of the first line "<key> : <value>" of a file, or "".
std::string value_in(const char* path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(key))
      if (const std::size_t colon = line.find(':'); colon != std::string::npos) {
        const std::size_t begin = line.find_first_not_of(" \t", colon + 1);
        return begin == std::string::npos ? "" : line.substr(begin);
      }
  return "";
}

}  // namespace

std::vector<std::pair<std::string, std::string>> environment(const Workers& workers) {
  std::vector<std::pair<std::string, std::string>> rows = {
      {"version", fmt::format("cnn-train {}", CNN_VERSION)},
      {"instruction set", instruction_set()},
      {"threads", fmt::format("{} of {} processors", workers.threads, usable_processors())}};
  if (workers.processes > 1) rows.emplace_back("processes", std::to_string(workers.processes));
  if (const std::string processor = value_in("/proc/cpuinfo", "model name"); !processor.empty())
    rows.emplace_back("processor", processor);
  const std::int64_t pages = ::sysconf(_SC_PHYS_PAGES), page = ::sysconf(_SC_PAGESIZE);
  if (pages > 0 && page > 0) rows.emplace_back("memory", human_bytes(pages * page));
  struct utsname system {};
  if (::uname(&system) == 0)
    rows.emplace_back("system", fmt::format("{} {} {}", system.sysname, system.release, system.machine));
  rows.emplace_back("compiler", __VERSION__);
  rows.emplace_back(
      "written",
      fmt::format("{:%Y-%m-%d %H:%M:%S} UTC",
                  fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()))));
  return rows;
}

}  // namespace cnn
