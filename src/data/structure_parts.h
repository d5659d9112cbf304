#pragma once

#include <spdlog/fmt/fmt.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "core/text.h"

namespace cnn {

/// What the outer structure of an image file says, and whether the file is whole: decoders that fill missing
/// data with grey would hide it.
struct FileStructure {
  std::string fault;  ///< "" or why the file is bad or cannot be read
  std::int64_t height = 0, width = 0;
  int orientation = 1;  ///< EXIF's
  std::string patched;  ///< the content a decoder should see instead, if not empty
};

// The rest is what the readers of the single formats share, for them only.

using Rgb = std::array<std::uint8_t, 3>;

inline std::uint32_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

inline std::uint32_t big_endian(std::string_view bytes, std::size_t at, std::size_t length) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < length; ++i) value = value << 8 | byte_at(bytes, at + i);
  return value;
}

inline std::uint32_t little_endian(std::string_view bytes, std::size_t at, std::size_t length) {
  std::uint32_t value = 0;
  for (std::size_t i = length; i-- > 0;) value = value << 8 | byte_at(bytes, at + i);
  return value;
}

inline FileStructure faulty(std::string fault) {
  FileStructure structure;
  structure.fault = std::move(fault);
  return structure;
}

inline std::string truncated(std::size_t bytes) {
  return fmt::format("is truncated: the file ends after {} bytes, before the image does",
                     with_commas(static_cast<std::int64_t>(bytes)));
}

/// "" if so many bytes can hold so many pixels at all; most: pixels that one byte can stand for at best.
inline std::string bomb_fault(const FileStructure& image, std::size_t bytes, std::int64_t most) {
  return image.height * image.width / most > static_cast<std::int64_t>(bytes) ? truncated(bytes) : "";
}

}  // namespace cnn
