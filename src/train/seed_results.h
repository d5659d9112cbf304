#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "train/run_folder.h"

namespace cnn {

inline constexpr int kMostSeeds = 10000;  ///< in one folder

/// The result of one of several trainings that differ only in the seed.
struct SeedResult {
  std::uint64_t seed = 0;
  std::string folder;  ///< of its run, relative to the folder of all
  FinalResult result;
};

/// What was asked for.
struct SeedPlan {
  std::size_t seeds = 0;
  std::string config;  ///< of the first one, resolved
};

/// Numbers of several trainings.
struct Spread {
  std::size_t count = 0;
  double mean = 0, least = 0, most = 0;
  std::optional<double> deviation;  ///< of the sample: divided by count - 1; none for a single number
};

/// values: at least one.
Spread spread_of(std::span<const double> values);

/// Over the results that have one; nothing if none has.
std::optional<Spread> spread_of_accuracy(std::span<const SeedResult> results,
                                         std::optional<FinalResult::Score> FinalResult::*score);

/// Writes seeds.json, which holds the plan as well, and seeds.csv, each atomically.
void write_seed_results(const std::filesystem::path& folder, std::span<const SeedResult> results,
                        const SeedPlan& plan);

/// The plan in seeds.json. Throws Error (exit 1) if it is damaged.
SeedPlan read_seed_plan(const std::filesystem::path& folder);

}  // namespace cnn
