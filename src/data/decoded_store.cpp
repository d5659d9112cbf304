#include "data/decoded_store.h"

#include <spdlog/fmt/fmt.h>

#include <cstring>
#include <type_traits>

#include "core/error.h"
#include "data/pixel_reader.h"

namespace cnn {
namespace {

/// At the beginning of a file; the entries follow, then the pixels of each.
struct StoreHead {
  char magic[16] = "cnn images 1\n";
  std::uint64_t count = 0, image_bytes = 0;
  Fingerprint table;  ///< of the entries
};
static_assert(std::is_trivially_copyable_v<StoreHead> && std::is_trivially_copyable_v<DecodedStore::Entry>);

Fingerprint print_of(std::string_view text) { return fingerprint(std::as_bytes(std::span(text))); }

/// What decides which pixels come out of a list of files, but for the files themselves.
std::string recipe(const ImageFiles& files, const ImageSpec& image, const DecodeLimits& limits) {
  std::string text =
      fmt::format("{} {} {}\n", files.where, files.size() > 0 ? files.name(0) : "", files.root.string());
  text += fmt::format("{}x{}x{} {} {} {} {} {} {} {}\n", image.channels, image.height, image.width,
                      static_cast<int>(image.resize), image.short_side, image.scaled_decoding, image.depth,
                      static_cast<int>(image.range.mode), image.range.low, image.range.high);
  if (image.background)
    text += fmt::format("{} {} {}\n", (*image.background)[0], (*image.background)[1], (*image.background)[2]);
  return text + fmt::format("{} {} {}", limits.pixels, limits.file_mb, limits.seconds);
}

/// Whatever a picture looks like.
bool are_same_bytes(const Fingerprint& a, const Fingerprint& b) { return a.high == b.high && a.low == b.low; }

}  // namespace

DecodedStore::DecodedStore(StoreSpec spec, const ImageFiles& files, const ImageSpec& image,
                           const DecodeLimits& limits)
    : spec_(std::move(spec)), image_bytes_(static_cast<std::size_t>(bytes_of_image(image))) {
  if (spec_.folder.empty()) return;
  name_ = store_name(recipe(files, image, limits), kImagesEnd);
  open();
}

void DecodedStore::open() {
  file_ = StoredFile(spec_.folder / name_);
  StoreHead head, expected;
  if (!file_.is_open() || !file_.read(0, std::as_writable_bytes(std::span(&head, 1)))) return;
  const auto size = static_cast<std::uint64_t>(file_.bytes());
  const std::size_t of_one = sizeof(Entry) + image_bytes_;
  if (std::memcmp(head.magic, expected.magic, sizeof(head.magic)) != 0 || head.image_bytes != image_bytes_ ||
      head.count > size / of_one || sizeof(head) + head.count * of_one != size)
    return;
  std::vector<Entry> entries(head.count);
  if (!file_.read(sizeof(head), std::as_writable_bytes(std::span(entries)))) return;
  if (fingerprint(std::as_bytes(std::span(entries))) != head.table) return;
  auto place = static_cast<std::int64_t>(sizeof(head) + entries.size() * sizeof(Entry));
  for (const Entry& entry : entries) {
    found_.emplace(entry.name, std::pair(entry, place));
    place += static_cast<std::int64_t>(image_bytes_);
  }
}

Fingerprint DecodedStore::name_of(const std::string& path) { return print_of(path); }

std::optional<DecodedStore::Entry> DecodedStore::take(const std::string& path,
                                                      std::span<std::byte> pixels) const {
  const auto found = found_.find(name_of(path));
  if (found == found_.end()) return std::nullopt;
  const auto& [entry, place] = found->second;
  if (stamp_of(path) != entry.stamp || !file_.read(place, pixels) ||
      !are_same_bytes(fingerprint(pixels), entry.pixels))
    return std::nullopt;
  return entry;
}

std::int64_t DecodedStore::keep(std::span<const Entry> entries,
                                std::span<const std::byte* const> pixels) const {
  CNN_CHECK(entries.size() == pixels.size(), "{} entries, {} images", entries.size(), pixels.size());
  const auto bytes =
      static_cast<std::int64_t>(sizeof(StoreHead) + entries.size() * (sizeof(Entry) + image_bytes_));
  StoreHead head;
  head.count = entries.size(), head.image_bytes = image_bytes_;
  head.table = fingerprint(std::as_bytes(entries));
  const bool kept = !name_.empty() && store_file(spec_, name_, bytes, [&](const Append& append) {
    append(std::as_bytes(std::span(&head, 1)));
    append(std::as_bytes(entries));
    for (const std::byte* of_one : pixels) append({of_one, image_bytes_});
  });
  return kept ? bytes : 0;
}

}  // namespace cnn
