#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "core/file.h"
#include "train/epoch_result.h"

namespace cnn {

/// The result of a run.
struct FinalResult {
  struct Score {
    std::int64_t images = 0;
    double accuracy = 0, loss = 0;
  };
  int best_epoch = 0;
  std::optional<Score> validation, test;  ///< of the best model
};
/// What result.json in a run folder says; nothing until all epochs and the test are done.
std::optional<FinalResult> final_result(const std::filesystem::path& folder);

/// The folder of one training: config.json, metrics.csv, activations.csv, models, result.json, train.log,
/// checkpoint/. While the object lives, no other one can have the same folder, in any process.
class RunFolder {
 public:
  /// The folder that a run would claim now: `wanted`, or else the first free runs/<name>-<n>. Throws Error
  /// (exit 2) if `wanted` exists and is not an empty folder, (exit 1) if it could not be written to. Creates
  /// nothing, so another program may come first.
  static std::filesystem::path choose(const std::filesystem::path& wanted, const std::string& name);

  /// Takes the folder that choose() would choose. Creating the folder is the claim: of several programs at
  /// once, each gets a runs/<name>-<n> of its own, and one alone gets `wanted`. Throws Error as choose().
  static RunFolder claim(const std::filesystem::path& wanted, const std::string& name);

  /// Creates a folder, or takes one that exists. Throws Error (exit 1).
  static RunFolder create(const std::filesystem::path& path);
  /// One that exists. Throws Error (exit 2) if another program is training into it.
  static RunFolder reopen(const std::filesystem::path& path) { return RunFolder(path); }

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path file(const std::string& name) const { return path_ / name; }
  std::filesystem::path checkpoints() const { return path_ / "checkpoint"; }

  /// Removes the folder if it holds nothing and was created by this object: for work that ended without a
  /// result.
  void discard() const;

  void write_config(const std::string& resolved_config);

  /// Writes both tables, whatever was in them, atomically.
  void write_tables(std::span<const EpochResult> epochs);
  /// Appends the last one of these epochs to both tables; writes all of them if the last call failed.
  void add_last(std::span<const EpochResult> epochs);

  /// `best`: the epoch whose model is best.safetensors; null: none is done.
  void write_result(const EpochResult* best, int epochs_done, bool finished,
                    const std::optional<Evaluation>& test);
  /// Epochs in metrics.csv.
  std::int64_t epochs_in_tables() const;

 private:
  explicit RunFolder(const std::filesystem::path& path, bool is_new = false);

  std::filesystem::path path_;
  FolderLock lock_;
  bool is_new_;
  bool tables_are_whole_ = false;
};

/// Takes the folder of a run, once it is clear that there will be something in it.
using ClaimFolder = std::function<RunFolder()>;

}  // namespace cnn
