#include "data/decoded_store.h"

#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <type_traits>

#include "core/error.h"
#include "core/file.h"
#include "data/pixel_reader.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEnding = ".images";

bool store_is_disabled = false;

/// At the beginning of a file; the entries follow, then the pixels of each.
struct StoreHead {
  char magic[16] = "cnn images 1\n";
  std::uint64_t count = 0, image_bytes = 0;
  Fingerprint table;  ///< of the entries
};
static_assert(std::is_trivially_copyable_v<StoreHead> && std::is_trivially_copyable_v<DecodedStore::Entry>);

Fingerprint print_of(std::string_view text) { return fingerprint(std::as_bytes(std::span(text))); }

/// Everything that decides what pixels come out of a list of files, but for the files themselves. Another
/// program, even of the same version, may decode in another way.
std::string recipe(const ImageFiles& files, const ImageSpec& image, const DecodeLimits& limits) {
  const FileStamp program = stamp_of("/proc/self/exe");
  std::string text = fmt::format("{} {} {} {}\n", files.where, files.size() > 0 ? files.name(0) : "",
                                 CNN_VERSION, files.root.string());
  text += fmt::format("{} {}\n", program.bytes, program.modified_ns);
  text += fmt::format("{}x{}x{} {} {} {} {} {} {} {}\n", image.channels, image.height, image.width,
                      static_cast<int>(image.resize), image.short_side, image.scaled_decoding, image.depth,
                      static_cast<int>(image.range.mode), image.range.low, image.range.high);
  if (image.background)
    text += fmt::format("{} {} {}\n", (*image.background)[0], (*image.background)[1], (*image.background)[2]);
  return text + fmt::format("{} {} {}", limits.pixels, limits.file_mb, limits.seconds);
}

bool read_at(int fd, std::int64_t offset, std::span<std::byte> bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t got = ::pread(fd, bytes.data() + done, bytes.size() - done,
                                static_cast<off_t>(offset + static_cast<std::int64_t>(done)));
    if (got <= 0) return false;
    done += static_cast<std::size_t>(got);
  }
  return true;
}

/// Whatever a picture looks like.
bool are_same_bytes(const Fingerprint& a, const Fingerprint& b) { return a.high == b.high && a.low == b.low; }

template <class Value>
std::string_view as_text(std::span<const Value> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

}  // namespace

void disable_user_store() { store_is_disabled = true; }

std::filesystem::path user_store() {
  if (store_is_disabled) return {};
  const auto variable = [](const char* name) -> fs::path {
    const char* value = std::getenv(name);
    return value && *value == '/' ? value : "";
  };
  if (const fs::path cache = variable("XDG_CACHE_HOME"); !cache.empty()) return cache / "cnn-train";
  const fs::path home = variable("HOME");
  return home.empty() ? home : home / ".cache/cnn-train";
}

DecodedStore::DecodedStore(StoreSpec spec, const ImageFiles& files, const ImageSpec& image,
                           const DecodeLimits& limits)
    : spec_(std::move(spec)), image_bytes_(static_cast<std::size_t>(bytes_of_image(image))) {
  if (spec_.folder.empty()) return;
  const Fingerprint name = print_of(recipe(files, image, limits));
  file_ = spec_.folder / fmt::format("{:016x}{:016x}{}", name.high, name.low, kEnding);
  open();
}

DecodedStore::~DecodedStore() {
  if (fd_ >= 0) ::close(fd_);
}

void DecodedStore::open() {
  fd_ = ::open(file_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd_ < 0) return;
  StoreHead head, expected;
  if (!read_at(fd_, 0, std::as_writable_bytes(std::span(&head, 1)))) return;
  std::error_code unknown;
  const std::uintmax_t size = fs::file_size(file_, unknown);
  const std::size_t of_one = sizeof(Entry) + image_bytes_;
  if (unknown || std::memcmp(head.magic, expected.magic, sizeof(head.magic)) != 0 ||
      head.image_bytes != image_bytes_ || head.count > size / of_one ||
      sizeof(head) + head.count * of_one != size)
    return;
  std::vector<Entry> entries(head.count);
  if (!read_at(fd_, sizeof(head), std::as_writable_bytes(std::span(entries)))) return;
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
  if (stamp_of(path) != entry.stamp || !read_at(fd_, place, pixels) ||
      !are_same_bytes(fingerprint(pixels), entry.pixels))
    return std::nullopt;
  return entry;
}

std::int64_t DecodedStore::keep(std::span<const Entry> entries,
                                std::span<const std::byte* const> pixels) const {
  CNN_CHECK(entries.size() == pixels.size(), "{} entries, {} images", entries.size(), pixels.size());
  const auto bytes =
      static_cast<std::int64_t>(sizeof(StoreHead) + entries.size() * (sizeof(Entry) + image_bytes_));
  if (file_.empty() || bytes > spec_.bytes) return 0;
  std::error_code unknown;
  fs::create_directories(spec_.folder, unknown);
  fs::permissions(spec_.folder, fs::perms::owner_all, unknown);  // as the XDG specification has it
  // A cache must not fill a disk.
  const fs::space_info space = fs::space(spec_.folder, unknown);
  if (unknown || space.available < 2 * static_cast<std::uintmax_t>(bytes)) return 0;
  StoreHead head;
  head.count = entries.size(), head.image_bytes = image_bytes_;
  head.table = fingerprint(std::as_bytes(entries));
  fs::path temporary = file_;
  temporary += fmt::format(".{}", ::getpid());
  try {
    fs::remove(temporary, unknown);  // of a process that was killed, and had this number
    append_to_file(temporary, as_text(std::span<const StoreHead>(&head, 1)));
    append_to_file(temporary, as_text(entries));
    for (std::size_t i = 0, end = 0; i < pixels.size(); i = end) {  // as many at once as lie side by side
      for (end = i + 1; end < pixels.size() && pixels[end] == pixels[end - 1] + image_bytes_;) ++end;
      append_to_file(temporary, {reinterpret_cast<const char*>(pixels[i]), (end - i) * image_bytes_});
    }
    fs::rename(temporary, file_);
  } catch (const std::exception&) {  // it goes without
    fs::remove(temporary, unknown);
    return 0;
  }
  delete_oldest();
  return bytes;
}

void DecodedStore::mark_used() const {
  std::error_code unknown;
  fs::last_write_time(file_, fs::file_time_type::clock::now(), unknown);
}

void DecodedStore::delete_oldest() const {
  struct StoredFile {
    fs::path path;
    fs::file_time_type used;
    std::int64_t bytes = 0;
  };
  std::vector<StoredFile> all;
  std::int64_t total = 0;
  std::error_code unknown;
  for (auto entry = fs::directory_iterator(spec_.folder, unknown);
       !unknown && entry != fs::directory_iterator(); entry.increment(unknown)) {
    // Those that are being written count, too: a killed process leaves one behind.
    if (entry->path().filename().string().find(kEnding) == std::string::npos || entry->path() == file_)
      continue;
    std::error_code gone;
    StoredFile file{entry->path(), entry->last_write_time(gone),
                    static_cast<std::int64_t>(entry->file_size(gone))};
    if (gone) continue;
    total += file.bytes;
    all.push_back(std::move(file));
  }
  total += static_cast<std::int64_t>(fs::file_size(file_, unknown));
  std::ranges::sort(all, {}, &StoredFile::used);
  for (const StoredFile& file : all) {
    if (total <= spec_.bytes) return;
    fs::remove(file.path, unknown);
    total -= file.bytes;
  }
}

}  // namespace cnn
