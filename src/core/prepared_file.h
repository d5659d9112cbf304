#pragma once

#include <filesystem>
#include <string_view>

namespace cnn {

/// New content of a file, beside it and not yet in its place: several files can be made ready first, and then
/// put in place together.
class PreparedFile {
 public:
  /// Writes a temporary file and syncs it. Streams (see output_file in core/file.h) are left alone until
  /// put_in_place().
  /// content: must live until then. Throws Error (exit 1).
  PreparedFile(const std::filesystem::path& path, std::string_view content);
  /// Removes what was not put in place.
  ~PreparedFile();
  PreparedFile(PreparedFile&& other) noexcept;
  PreparedFile& operator=(PreparedFile&& other) noexcept;

  bool is_stream() const { return temporary_.empty(); }
  /// Rename, fsync of the folder. Streams are written to. Once. Throws Error (exit 1).
  void put_in_place();

 private:
  std::filesystem::path wanted_;     // for messages
  std::filesystem::path place_;      // links followed
  std::filesystem::path temporary_;  // "" if there is none: of a stream, or once it was renamed
  std::string_view content_;         // of a stream
};

}  // namespace cnn
