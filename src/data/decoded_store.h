#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/data_spec.h"
#include "data/fingerprint.h"
#include "data/image.h"
#include "data/image_files.h"
#include "data/image_reader.h"

namespace cnn {

/// Where decoded images are kept for the next command.
struct StoreSpec {
  std::filesystem::path folder;                   ///< empty: nowhere
  std::int64_t bytes = std::int64_t{2048} << 20;  ///< of the whole folder, at most
  double worth_seconds = 1;                       ///< so long decoding must take to be spared the next time
};

/// The user's folder for such things: cnn-train in $XDG_CACHE_HOME, else in ~/.cache (XDG Base Directory
/// Specification). Empty if nobody says where.
std::filesystem::path user_store();

/// From now on user_store() is empty, in this process: for --no-cache. Before other threads begin.
void disable_user_store();

/// Decoded images on disk: one file for each list of images and each way to prepare them. What it gives is
/// what decoding would give: an image counts if its file has the size and the time that it had, and if check
/// sums of table and pixels are right. A new program does not use the files of an older one. Several
/// processes may read and write at once: a file appears whole, under its name, or not at all. Only its user
/// can read it: images may be private.
class DecodedStore {
 public:
  struct Entry {
    Fingerprint name;  ///< of the image's path
    FileStamp stamp;
    Fingerprint pixels;
    FileTraits traits;
  };

  /// Opens what an earlier command has left, if anything.
  DecodedStore(StoreSpec spec, const ImageFiles& files, const ImageSpec& image, const DecodeLimits& limits);
  ~DecodedStore();
  DecodedStore(const DecodedStore&) = delete;
  DecodedStore& operator=(const DecodedStore&) = delete;

  static Fingerprint name_of(const std::string& path);

  /// Copies the pixels of an image. Nothing if it must be decoded. Any thread.
  std::optional<Entry> take(const std::string& path, std::span<std::byte> pixels) const;

  /// Writes a new file, and deletes the oldest ones of the folder as far as there are too many bytes. pixels:
  /// of each entry. Returns its bytes; 0 if it was not written: it would be too large, or the disk is full,
  /// or nothing can be written there.
  std::int64_t keep(std::span<const Entry> entries, std::span<const std::byte* const> pixels) const;
  /// The file is not the oldest one any more.
  void mark_used() const;

  const StoreSpec& spec() const { return spec_; }

 private:
  void open();
  void delete_oldest() const;

  const StoreSpec spec_;
  const std::size_t image_bytes_;
  std::filesystem::path file_;
  int fd_ = -1;
  std::map<Fingerprint, std::pair<Entry, std::int64_t>> found_;  ///< with the place in the file
};

}  // namespace cnn
