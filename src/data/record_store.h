#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/fingerprint.h"
#include "data/store_folder.h"

namespace cnn {

/// What was computed from given numbers, kept on disk under the fingerprint of these numbers: what is found
/// is what would be computed again. A check sum stands behind each record, so a damaged one counts as
/// missing.
class RecordStore {
 public:
  struct Record {
    Fingerprint key;
    std::span<const std::byte> bytes;
  };

  /// Opens what an earlier command has left, if anything. recipe: everything besides the key that decides
  /// what a record is.
  RecordStore(StoreSpec spec, std::string_view recipe);

  bool is_used() const { return !spec_.folder.empty(); }
  bool is_empty() const { return found_.empty(); }

  /// The bytes of a record; nothing if there is none.
  std::optional<std::int64_t> size_of(const Fingerprint& key) const;
  /// Copies a record. False if there is none of this size. Any thread.
  bool take(const Fingerprint& key, std::span<std::byte> record) const;

  /// Writes these, and older ones, first those that were taken, until half of StoreSpec::bytes are full.
  /// False if it could not.
  bool keep(std::span<const Record> fresh);
  void mark_used() const { cnn::mark_used(spec_.folder / name_); }

  const StoreSpec& spec() const { return spec_; }

 private:
  struct Place {
    std::int64_t number = 0;  ///< in the order of the file: the newest are first
    std::int64_t offset = 0;
    std::int64_t bytes = 0;
    Fingerprint sum;
  };
  void open();
  bool read(const Place& place, std::span<std::byte> record) const;

  StoreSpec spec_;
  std::string name_;
  StoredFile file_;
  std::map<Fingerprint, Place> found_;
  mutable std::vector<std::atomic<bool>> used_;  ///< by Place::number
};

}  // namespace cnn
