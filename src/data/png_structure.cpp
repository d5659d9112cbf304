#include "data/png_structure.h"

#include <zlib.h>

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/text.h"
#include "data/image_size.h"
#include "data/orientation.h"
#include "data/structure_parts.h"

namespace cnn {

FileStructure examine_png(std::string_view content, const DecodeLimits& limits) {
  constexpr std::size_t kSignature = 8, kAround = 12;  // length, name and checksum around a chunk's data
  constexpr std::uint32_t kPaletteColor = 3;
  FileStructure png;
  std::uint32_t depth = 0, color = 0;
  std::size_t palette_at = 0, palette_bytes = 0;
  std::size_t data_bytes = 0;
  std::int64_t bits = 0;                                         // of a pixel
  constexpr std::string_view kXmp("XML:com.adobe.xmp\0\0", 19);  // not compressed
  std::string_view exif, xmp;
  for (std::size_t at = kSignature;;) {
    if (content.size() - at < kAround) return faulty(truncated(content.size()));
    const std::size_t length = big_endian(content, at, 4);
    const std::string_view name = content.substr(at + 4, 4);
    if (length > content.size() - at - kAround)
      return faulty(fmt::format("is truncated or damaged: its {} chunk claims {} bytes, {} are left",
                                printable(name), with_commas(static_cast<std::int64_t>(length)),
                                with_commas(static_cast<std::int64_t>(content.size() - at - kAround))));
    const std::string_view chunk = content.substr(at + 8, length);
    if (name == "CgBI")
      return faulty("is in Apple's own variant of PNG, which cannot be read; convert it to PNG");
    const bool critical = (name[0] & 0x20) == 0;
    if (critical) {
      const auto* named = reinterpret_cast<const Bytef*>(content.data() + at + 4);
      if (crc32_z(0, named, length + 4) != big_endian(content, at + 8 + length, 4))
        return faulty(fmt::format("is damaged: the checksum of its {} chunk is wrong", printable(name)));
    }
    if ((at == kSignature) != (name == "IHDR"))
      return faulty("is damaged: it does not begin with one IHDR chunk");
    if (name == "IHDR") {
      if (length != 13) return faulty("is damaged: its IHDR chunk has the wrong length");
      png.width = big_endian(chunk, 0, 4), png.height = big_endian(chunk, 4, 4);
      depth = byte_at(chunk, 8), color = byte_at(chunk, 9);
      if (std::string fault = image_size_fault(png.height, png.width, limits); !fault.empty())
        return faulty(fault);
      constexpr std::array<int, 7> kSamples{1, 0, 3, 1, 2, 0, 4};  // by type of color
      if (color >= kSamples.size() || kSamples[color] == 0 || depth == 0 || depth > 16)
        return faulty(fmt::format("is damaged: color type {} with {} bits does not exist", color, depth));
      bits = kSamples[color] * static_cast<int>(depth);
    } else if (name == "PLTE") {
      palette_at = at, palette_bytes = length;
    } else if (name == "IDAT") {
      data_bytes += length;
    } else if (name == "eXIf") {
      exif = chunk;
    } else if (name == "iTXt" && chunk.starts_with(kXmp)) {
      xmp = chunk;
    } else if (name == "IEND") {
      if (data_bytes == 0) return faulty("is damaged: it has no pixels");
      constexpr std::int64_t kMostBits = 8 * 1032;  // that a byte can stand for (zlib's technical details)
      if (std::string fault = bomb_fault(png, content.size(), kMostBits / bits); !fault.empty())
        return faulty(fault);
      break;
    }
    at += kAround + length;
  }
  png.orientation = orientation_of(exif, xmp);
  // Pixels may name colors beyond a short palette, and a decoder may then read anything. They become a ramp
  // of grey, as in Pillow.
  if (color == kPaletteColor && depth <= 8 && palette_at != 0 && palette_bytes < 3u << depth) {
    std::string palette = "PLTE" + std::string(content.substr(palette_at + 8, palette_bytes / 3 * 3));
    for (std::uint32_t entry = static_cast<std::uint32_t>(palette_bytes) / 3; entry < 1u << depth; ++entry)
      palette.append(3, static_cast<char>(entry));
    const auto append_number = [](std::string& text, std::uint32_t value) {
      for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift);
    };
    png.patched = content.substr(0, palette_at);
    append_number(png.patched, 3u << depth);
    png.patched += palette;
    append_number(png.patched, static_cast<std::uint32_t>(crc32_z(
                                   0, reinterpret_cast<const Bytef*>(palette.data()), palette.size())));
    png.patched += content.substr(palette_at + kAround + palette_bytes);
  }
  return png;
}

}  // namespace cnn
