#include "cluster/launch.h"

#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>

namespace cnn {
namespace {

std::optional<int> number(const char* text) {
  if (!text) return std::nullopt;
  const std::string_view digits(text);
  int value = 0;
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), value);
  if (error != std::errc() || end != digits.end() || value < 0) return std::nullopt;
  return value;
}

}  // namespace

Launch launch_of(const std::function<const char*(const char*)>& variable) {
  struct Names {
    const char *rank, *size;
  };
  constexpr Names kLaunchers[] = {
      {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
      {"PMI_RANK", "PMI_SIZE"},
      {"MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE"},
      {"PMIX_RANK", "SLURM_STEP_NUM_TASKS"},
  };
  for (const Names& names : kLaunchers) {
    const auto rank = number(variable(names.rank)), size = number(variable(names.size));
    if (rank && size && *rank < *size) return {*rank, *size};
  }
  return {};
}

Launch launch_of_environment() {
  return launch_of([](const char* name) -> const char* { return std::getenv(name); });
}

}  // namespace cnn
