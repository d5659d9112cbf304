#pragma once

#include <cstdint>
#include <string>

namespace cnn {

/// What tells that a file is still the one that was read before.
struct FileStamp {
  std::int64_t bytes = 0, modified_ns = 0;
  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

/// Reads an image file into `content` (whose memory is used again). Returns "" or why it cannot, to be said
/// behind "<path>: ". Never waits for a FIFO or a device; refuses more than 512 MiB.
std::string read_image_file(const std::string& path, std::string& content, FileStamp& stamp);

}  // namespace cnn
