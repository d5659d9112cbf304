#include "data/record_store.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

namespace cnn {
namespace {

/// At the beginning of a file; the entries follow, then the records in their order.
struct RecordsHead {
  char magic[16] = "cnn records 1\n";
  std::uint64_t count = 0;
  Fingerprint table;  ///< of the entries
};
struct RecordEntry {
  Fingerprint key, sum;
  std::int64_t bytes = 0;
};
static_assert(std::is_trivially_copyable_v<RecordsHead> && std::is_trivially_copyable_v<RecordEntry>);

std::int64_t size_in_file(std::int64_t record_bytes) {
  return static_cast<std::int64_t>(sizeof(RecordEntry)) + record_bytes;
}

}  // namespace

RecordStore::RecordStore(StoreSpec spec, std::string_view recipe) : spec_(std::move(spec)) {
  if (!is_used()) return;
  name_ = store_name(recipe, kFeaturesEnd);
  open();
}

void RecordStore::open() {
  found_.clear();
  file_ = StoredFile(spec_.folder / name_);
  RecordsHead head, expected;
  if (!file_.is_open() || !file_.read(0, std::as_writable_bytes(std::span(&head, 1)))) return;
  const std::int64_t size = file_.bytes();
  if (std::memcmp(head.magic, expected.magic, sizeof(head.magic)) != 0 ||
      head.count > static_cast<std::uint64_t>(size) / sizeof(RecordEntry))
    return;
  std::vector<RecordEntry> entries(head.count);
  if (!file_.read(sizeof(head), std::as_writable_bytes(std::span(entries))) ||
      fingerprint(std::as_bytes(std::span(entries))) != head.table)
    return;
  auto offset = static_cast<std::int64_t>(sizeof(head) + entries.size() * sizeof(RecordEntry));
  std::map<Fingerprint, Place> found;
  for (const RecordEntry& entry : entries) {
    if (entry.bytes < 0 || entry.bytes > size - offset) return;
    found.emplace(entry.key, Place{std::ssize(found), offset, entry.bytes, entry.sum});
    offset += entry.bytes;
  }
  if (offset != size) return;  // cut, or of another program
  found_ = std::move(found);
  used_ = std::vector<std::atomic<bool>>(found_.size());
}

std::optional<std::int64_t> RecordStore::size_of(const Fingerprint& key) const {
  const auto found = found_.find(key);
  return found == found_.end() ? std::nullopt : std::optional(found->second.bytes);
}

bool RecordStore::read(const Place& place, std::span<std::byte> record) const {
  return file_.read(place.offset, record) && fingerprint(record) == place.sum;
}

bool RecordStore::take(const Fingerprint& key, std::span<std::byte> record) const {
  const auto found = found_.find(key);
  if (found == found_.end() || found->second.bytes != std::ssize(record) || !read(found->second, record))
    return false;
  used_[static_cast<std::size_t>(found->second.number)].store(true, std::memory_order_relaxed);
  return true;
}

bool RecordStore::keep(std::span<const Record> fresh) {
  RecordsHead head;
  std::vector<RecordEntry> entries;
  std::map<Fingerprint, std::span<const std::byte>> known;  // equal images have one record
  auto bytes = static_cast<std::int64_t>(sizeof(head));
  for (const Record& record : fresh) {
    if (!known.emplace(record.key, record.bytes).second) continue;
    entries.push_back({record.key, fingerprint(record.bytes), std::ssize(record.bytes)});
    bytes += size_in_file(std::ssize(record.bytes));
  }
  const std::size_t fresh_entries = entries.size();
  std::vector<std::pair<Fingerprint, Place>> old;
  for (const auto& [key, place] : found_)
    if (!known.contains(key)) old.emplace_back(key, place);
  std::ranges::sort(old, {}, [&](const auto& record) {
    const std::int64_t number = record.second.number;
    return std::pair(!used_[static_cast<std::size_t>(number)], number);
  });
  for (const auto& [key, place] : old) {
    if (bytes + size_in_file(place.bytes) > spec_.bytes / 2) break;  // images need room, too
    entries.push_back({key, place.sum, place.bytes});
    bytes += size_in_file(place.bytes);
  }
  head.count = entries.size();
  head.table = fingerprint(std::as_bytes(std::span(entries)));
  const bool kept = store_file(spec_, name_, bytes, [&](const Append& append) {
    append(std::as_bytes(std::span(&head, 1)));
    append(std::as_bytes(std::span(entries)));
    std::vector<std::byte> record;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (i < fresh_entries) {
        append(known.at(entries[i].key));
        continue;
      }
      record.resize(static_cast<std::size_t>(entries[i].bytes));
      read(found_.at(entries[i].key), record);  // a damaged one stays damaged: its sum says so
      append(record);
    }
  });
  if (kept) open();
  return kept;
}

}  // namespace cnn
