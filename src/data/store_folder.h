#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace cnn {

/// Where things that took long to compute are kept for the next command.
struct StoreSpec {
  std::filesystem::path folder;                   ///< empty: nowhere
  std::int64_t bytes = std::int64_t{2048} << 20;  ///< of the whole folder, at most
  double worth_seconds = 1;                       ///< so long it must have taken to be spared the next time
};

/// The user's folder for such things: cnn-train in $XDG_CACHE_HOME, else in ~/.cache (XDG Base Directory
/// Specification). Empty if nobody says where.
std::filesystem::path user_store();

/// From now on user_store() is empty, in this process: for --no-cache. Before other threads begin.
void disable_user_store();

/// The ends of the names of files that belong to a store.
inline constexpr std::string_view kImagesEnd = ".images", kFeaturesEnd = ".features";

/// The name of a file in a store: of everything that decides what is in it. The program is a part of that:
/// another one, even of the same version, may compute something else.
std::string store_name(std::string_view recipe, std::string_view end);

/// Adds to the end of the file that is being written.
using Append = std::function<void(std::span<const std::byte>)>;

/// Writes a file into the store's folder. To make room, the files used longest ago are deleted, but none that
/// was used since this process began. It appears whole, under its name, or not at all, and several processes
/// may do it at once. Only its user can read it. bytes: that `write` will append. False if it was not
/// written: there is no room, or the disk is nearly full, or nothing can be written there.
bool store_file(const StoreSpec& spec, const std::string& name, std::int64_t bytes,
                const std::function<void(const Append&)>& write);

/// A file of a store, open for reading. Any thread may read.
class StoredFile {
 public:
  StoredFile() = default;
  /// Closed if there is none.
  explicit StoredFile(const std::filesystem::path& file);
  ~StoredFile();
  StoredFile(StoredFile&& other) noexcept;
  StoredFile& operator=(StoredFile&& other) noexcept;

  bool is_open() const { return fd_ >= 0; }
  std::int64_t bytes() const;
  /// False: not all of it is there.
  bool read(std::int64_t offset, std::span<std::byte> bytes) const;

 private:
  int fd_ = -1;
};

/// To be called for a file that was read: it is not the one used longest ago any more.
void mark_used(const std::filesystem::path& file);

}  // namespace cnn
