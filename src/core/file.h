#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace cnn {

/// What is at `path`, links followed; of type not_found if there is nothing. Throws Error (exit 1) if the
/// system does not tell, for example for lack of permission.
std::filesystem::file_status status_of(const std::filesystem::path& path);

/// The whole content of a regular file. Throws Error (exit 1) that names the path and the reason.
std::string read_file(const std::filesystem::path& path);

/// The same, unpacked if the content is gzip (by its magic bytes, whatever the name).
/// Throws Error also for a damaged or truncated archive.
std::string read_file_maybe_gz(const std::filesystem::path& path);

/// Where output for `path` goes. Links are followed, so that they stay. Anything but a regular file (a FIFO,
/// a device, /dev/stdout) is a stream: it is written to, never replaced.
struct OutputFile {
  std::filesystem::path path;
  bool is_stream = false;
};
OutputFile output_file(const std::filesystem::path& path);

/// Replaces `path` by `content` so that at every moment, also after a crash, there is either the old file or
/// the whole new one: temporary file beside it, fsync, rename, fsync of the folder. Streams (see
/// output_file) are written to. Throws Error (exit 1).
void write_file_atomically(const std::filesystem::path& path, std::string_view content);

/// Adds to the end of a file, in one write where the system lets it. Throws Error (exit 1): part of `content`
/// may then be there.
void append_to_file(const std::filesystem::path& path, std::string_view content);

/// A file that did not exist, for its user alone, to be written piece by piece. Throws Error (exit 1), also
/// if there is one already.
class NewFile {
 public:
  explicit NewFile(const std::filesystem::path& path);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  void append(std::string_view content);

 private:
  std::filesystem::path path_;
  int fd_;
};

/// An exclusive lock on a folder: while it lives, a second one for the same folder, in any process, throws
/// Error (exit 2). It ends with the process, even with one that is killed. Movable.
class FolderLock {
 public:
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FolderLock& operator=(FolderLock&&) = delete;

 private:
  int fd_;
};

}  // namespace cnn
