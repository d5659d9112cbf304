#include "train/checkpoint_folder.h"

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

namespace cnn {

namespace fs = std::filesystem;

CheckpointFolder::Found CheckpointFolder::load() {
  Found found;
  newest_ = 0;
  next_slot_ = 0;
  for (const int slot : {0, 1}) {
    if (!fs::exists(status_of(file(slot)))) continue;
    try {
      Checkpoint checkpoint = Checkpoint::parse(read_file(file(slot)), printable(file(slot).string()));
      if (found.newest && found.newest->sequence() >= checkpoint.sequence()) continue;
      newest_ = checkpoint.sequence();
      next_slot_ = 1 - slot;
      found.newest = std::move(checkpoint);
    } catch (const Error& error) {
      found.damaged.push_back(error.what());
    }
  }
  return found;
}

void CheckpointFolder::save(Checkpoint& checkpoint) {
  std::error_code error;
  fs::create_directories(path_, error);
  if (error) fail("{}: cannot create the folder: {}", printable(path_.string()), error.message());
  checkpoint.set_sequence(newest_ + 1);
  write_file_atomically(file(next_slot_), checkpoint.bytes());
  ++newest_;
  next_slot_ = 1 - next_slot_;
}

}  // namespace cnn
