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
#include "data/store_folder.h"

namespace cnn {

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

  static Fingerprint name_of(const std::string& path);

  /// Copies the pixels of an image. Nothing if it must be decoded. Any thread.
  std::optional<Entry> take(const std::string& path, std::span<std::byte> pixels) const;

  /// Writes a new file (see store_file). pixels: of each entry. Returns its bytes; 0 if it was not written.
  std::int64_t keep(std::span<const Entry> entries, std::span<const std::byte* const> pixels) const;
  void mark_used() const { cnn::mark_used(spec_.folder / name_); }

  const StoreSpec& spec() const { return spec_; }

 private:
  void open();

  const StoreSpec spec_;
  const std::size_t image_bytes_;
  std::string name_;
  StoredFile file_;
  std::map<Fingerprint, std::pair<Entry, std::int64_t>> found_;  ///< with the place in the file
};

}  // namespace cnn
