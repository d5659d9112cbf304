#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "train/checkpoint.h"

namespace cnn {

/// The two newest checkpoints of a run, in a folder: a.ckpt and b.ckpt, by turns. A new one replaces the
/// older of the two, atomically, so whatever happens meanwhile the newer one is whole.
class CheckpointFolder {
 public:
  /// Creates nothing.
  explicit CheckpointFolder(std::filesystem::path path) : path_(std::move(path)) {}

  struct Found {
    std::optional<Checkpoint> newest;
    std::vector<std::string> damaged;  ///< what is wrong with an unusable file, beginning with its path
  };
  /// The newest intact one. Never throws because of what is in the files.
  Found load();

  /// Numbers it one more than the newest, and writes it. Throws Error (exit 1) if that fails; the checkpoints
  /// that were there still are.
  void save(Checkpoint& checkpoint);

 private:
  std::filesystem::path file(int slot) const { return path_ / (slot == 0 ? "a.ckpt" : "b.ckpt"); }

  std::filesystem::path path_;
  std::uint64_t newest_ = 0;  // sequence; 0: there is none
  int next_slot_ = 0;
};

}  // namespace cnn
