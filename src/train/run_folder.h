#pragma once

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "train/model_file.h"
#include "train/trainer.h"

namespace cnn {

/// The folder of one training: config.json, metrics.csv, activations.csv, models, result.json, train.log.
class RunFolder {
 public:
  /// The folder that a run will use: `wanted`, or else the first free runs/<name>-<n>. Throws Error (exit 2)
  /// if `wanted` exists and is not an empty folder. Creates nothing.
  static std::filesystem::path choose(const std::filesystem::path& wanted, const std::string& name);

  /// Creates the folder with its config.json and the heads of the tables.
  RunFolder(const std::filesystem::path& path, const std::string& resolved_config);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path file(const std::string& name) const { return path_ / name; }

  /// Appends an epoch to both tables.
  void add(const EpochResult& result);

  /// `best`: the epoch whose model is best.safetensors.
  void write_result(const EpochResult& best, int epochs_done, bool finished,
                    const std::optional<Evaluation>& test);

 private:
  std::filesystem::path path_;
  std::ofstream metrics_, activations_;
};

}  // namespace cnn
