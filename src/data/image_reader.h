#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "data/data_spec.h"

namespace cnn {

/// What tells that a file is still the one that was read before.
struct FileStamp {
  std::int64_t bytes = 0, modified_ns = 0;
  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

/// That of a file; zeros if there is none that can be examined.
FileStamp stamp_of(const std::string& path);

/// The content of an image file, or why there is none.
struct ImageFile {
  std::string fault;  ///< "" or what to say behind "<path>: "
  std::string_view content;
  FileStamp stamp;
  /// Held while a large file is in memory: there is only one of them, however many threads read.
  std::unique_lock<std::mutex> turn;
};

/// Reads an image file into `buffer`, whose memory is used again. Never waits for a FIFO or a device, refuses
/// files beyond the limit. A thread must let go of one file before it reads the next.
ImageFile read_image_file(const std::string& path, const DecodeLimits& limits, std::string& buffer);

}  // namespace cnn
