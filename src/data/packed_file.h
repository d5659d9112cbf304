#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

namespace cnn {

/// Reads a regular file from front to back, unpacking it if its content is gzip (whatever its name).
/// Every fault is an Error (exit 1) that names the path and the reason, a damaged or truncated archive too.
class PackedFile {
 public:
  explicit PackedFile(const std::filesystem::path& path);

  /// The next `bytes` bytes, fewer only at the end of the content.
  std::vector<std::byte> read(std::uint64_t bytes);

  /// No content is longer: the size of the file, or what deflate can at best make of a packed one. Ask before
  /// believing a header: memory follows what is really there, not what a header promises.
  std::uint64_t size_limit() const { return size_limit_; }

 private:
  struct Close {
    void operator()(void* file) const;
  };
  std::filesystem::path path_;
  std::unique_ptr<void, Close> file_;  // zlib's gzFile
  std::uint64_t size_limit_ = 0;
};

}  // namespace cnn
