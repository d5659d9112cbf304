#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "train/evaluation.h"

namespace cnn {

/// What one of several trainings came to that differ in nothing but the seed.
struct SeedResult {
  std::uint64_t seed = 0;
  std::string folder;  ///< of its run, relative to that of all
  int best_epoch = 0;
  std::optional<Evaluation> validation, test;  ///< of the best model
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
                                         std::optional<Evaluation> SeedResult::*evaluation);

/// Writes seeds.json and seeds.csv, each atomically. `planned`: trainings that were asked for.
void write_seed_results(const std::filesystem::path& folder, std::span<const SeedResult> results,
                        std::size_t planned);

}  // namespace cnn
