#include "data/store_folder.h"

#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

#include "core/file.h"
#include "data/fingerprint.h"
#include "data/image_reader.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

bool store_is_disabled = false;

/// Written at once.
constexpr std::size_t kPart = std::size_t{4} << 20;

/// Files used since then make no room for others: they would be computed again in every run.
const fs::file_time_type kProcessStart = fs::file_time_type::clock::now();

/// Those that are being written count, too: a killed process leaves one behind.
bool belongs_to_store(const std::string& name) {
  return name.find(kImagesEnd) != std::string::npos || name.find(kFeaturesEnd) != std::string::npos;
}

/// Deletes the files used longest ago until there is room for a new one of so many bytes in the place of
/// `file`. False: there cannot be.
bool make_room(const StoreSpec& spec, const fs::path& file, std::int64_t bytes) {
  struct OldFile {
    fs::path path;
    fs::file_time_type used;
    std::int64_t bytes = 0;
  };
  std::vector<OldFile> all;
  std::error_code unknown;
  std::int64_t total = bytes, in_use = bytes;
  for (auto entry = fs::directory_iterator(spec.folder, unknown);
       !unknown && entry != fs::directory_iterator(); entry.increment(unknown)) {
    if (!belongs_to_store(entry->path().filename().string()) || entry->path() == file) continue;
    std::error_code gone;
    OldFile old{entry->path(), entry->last_write_time(gone),
                static_cast<std::int64_t>(entry->file_size(gone))};
    if (gone) continue;
    total += old.bytes;
    if (old.used >= kProcessStart)
      in_use += old.bytes;
    else
      all.push_back(std::move(old));
  }
  if (in_use > spec.bytes) return false;
  std::ranges::sort(all, {}, &OldFile::used);
  for (const OldFile& old : all) {
    if (total <= spec.bytes) break;
    fs::remove(old.path, unknown);
    total -= old.bytes;
  }
  return true;
}

}  // namespace

void disable_user_store() { store_is_disabled = true; }

fs::path user_store() {
  if (store_is_disabled) return {};
  const auto variable = [](const char* name) -> fs::path {
    const char* value = std::getenv(name);
    return value && *value == '/' ? value : "";
  };
  if (const fs::path cache = variable("XDG_CACHE_HOME"); !cache.empty()) return cache / "cnn-train";
  const fs::path home = variable("HOME");
  return home.empty() ? home : home / ".cache/cnn-train";
}

std::string store_name(std::string_view recipe, std::string_view end) {
  const FileStamp program = stamp_of("/proc/self/exe");
  const std::string whole =
      fmt::format("{} {} {}\n{}", CNN_VERSION, program.bytes, program.modified_ns, recipe);
  const Fingerprint name = fingerprint(std::as_bytes(std::span(whole)));
  return fmt::format("{:016x}{:016x}{}", name.high, name.low, end);
}

bool store_file(const StoreSpec& spec, const std::string& name, std::int64_t bytes,
                const std::function<void(const Append&)>& write) {
  if (spec.folder.empty() || bytes > spec.bytes) return false;
  std::error_code unknown;
  fs::create_directories(spec.folder, unknown);
  fs::permissions(spec.folder, fs::perms::owner_all, unknown);  // as the XDG specification has it
  // A cache must not fill a disk.
  const fs::space_info space = fs::space(spec.folder, unknown);
  if (unknown || space.available < 2 * static_cast<std::uintmax_t>(bytes)) return false;
  const fs::path file = spec.folder / name;
  if (!make_room(spec, file, bytes)) return false;
  fs::path temporary = file;
  temporary += fmt::format(".{}", ::getpid());
  fs::remove(temporary, unknown);  // of a process that was killed, and had this number
  try {
    NewFile out(temporary);
    std::string part;
    write([&](std::span<const std::byte> more) {
      part.append(reinterpret_cast<const char*>(more.data()), more.size());
      if (part.size() >= kPart) out.append(std::exchange(part, {}));
    });
    out.append(part);
    fs::rename(temporary, file);
  } catch (const std::exception&) {  // it goes without
    fs::remove(temporary, unknown);
    return false;
  }
  return true;
}

StoredFile::StoredFile(const fs::path& file) : fd_(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) {}

StoredFile::~StoredFile() {
  if (fd_ >= 0) ::close(fd_);
}

StoredFile::StoredFile(StoredFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

StoredFile& StoredFile::operator=(StoredFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

std::int64_t StoredFile::bytes() const {
  struct stat info {};
  return ::fstat(fd_, &info) == 0 ? static_cast<std::int64_t>(info.st_size) : 0;
}

bool StoredFile::read(std::int64_t offset, std::span<std::byte> bytes) const {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t got = ::pread(fd_, bytes.data() + done, bytes.size() - done,
                                static_cast<off_t>(offset + static_cast<std::int64_t>(done)));
    if (got <= 0) return false;
    done += static_cast<std::size_t>(got);
  }
  return true;
}

void mark_used(const fs::path& file) {
  std::error_code unknown;
  fs::last_write_time(file, fs::file_time_type::clock::now(), unknown);
}

}  // namespace cnn
