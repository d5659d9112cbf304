#include "data/file_structure.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "core/error.h"
#include "core/text.h"
#include "data/image_size.h"
#include "data/orientation.h"
#include "data/structure_parts.h"

namespace cnn {

// --- JPEG --------------------------------------------------------------------------------------------------

namespace {

/// Huffman tables as T.81, annex C, allows them: at most 256 symbols, and codes that fit their lengths. Old
/// versions of stb_image write beyond a table that is larger.
bool sound_huffman_tables(std::string_view segment) {
  constexpr std::size_t kLengths = 16;
  while (!segment.empty()) {
    if (segment.size() < 1 + kLengths) return false;
    std::size_t symbols = 0, codes = 0;
    for (std::size_t i = 0; i < kLengths; ++i) {
      const std::size_t count = byte_at(segment, 1 + i);
      symbols += count;
      codes += count << (kLengths - 1 - i);
    }
    if (symbols > 256 || codes > std::size_t{1} << kLengths || segment.size() < 1 + kLengths + symbols)
      return false;
    segment.remove_prefix(1 + kLengths + symbols);
  }
  return true;
}

}  // namespace

FileStructure examine_jpeg(std::string_view content, const DecodeLimits& limits) {
  FileStructure jpeg;
  bool oriented = false;
  int scans = 0;
  std::size_t at = 2;  // behind the start-of-image marker
  for (;;) {
    // Anything between two segments is skipped, as all decoders do.
    const std::size_t mark = content.find('\xFF', at);
    if (mark == std::string_view::npos || mark + 1 >= content.size())
      return faulty(truncated(content.size()));
    at = mark + 1;
    const std::uint32_t marker = byte_at(content, at);
    if (marker == 0xFF) continue;  // padding
    ++at;
    if (marker == 0x00 || marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8)) continue;  // no segment
    if (marker == 0xD9) {
      if (scans == 0) return faulty("is damaged: there is no image in the JPEG");
      return jpeg;
    }
    if (content.size() - at < 2) return faulty(truncated(content.size()));
    const std::size_t length = big_endian(content, at, 2);
    if (length < 2)
      return faulty(fmt::format("is damaged: its segment {:02X} has a length of {}", marker, length));
    if (content.size() - at < length) return faulty(truncated(content.size()));
    const std::string_view segment = content.substr(at + 2, length - 2);
    at += length;

    const bool frame = marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    if (frame && jpeg.width == 0) {
      if (segment.size() < 6) return faulty("is damaged: its frame header is too short");
      jpeg.height = big_endian(segment, 1, 2), jpeg.width = big_endian(segment, 3, 2);
      const std::uint32_t bits = byte_at(segment, 0), components = byte_at(segment, 5);
      if (marker > 0xC8)
        return faulty("is an arithmetic-coded JPEG, which cannot be read; convert it to a common one");
      if (marker > 0xC2)
        return faulty("is a lossless or hierarchical JPEG, which cannot be read; convert it to a common one");
      if (bits != 8)
        return faulty(fmt::format("is a JPEG with {} bits, only 8 can be read; convert it", bits));
      if (components == 4) return faulty("is a CMYK JPEG, which cannot be read; convert it to RGB");
      if (components != 1 && components != 3)
        return faulty(fmt::format("is a JPEG with {} color components; 1 and 3 can be read", components));
      if (std::string fault = image_size_fault(jpeg.height, jpeg.width, limits); !fault.empty())
        return faulty(fault);
      constexpr std::int64_t kMostPixels = 512;  // a bit for each 8x8 block
      if (std::string fault = bomb_fault(jpeg, content.size(), kMostPixels); !fault.empty())
        return faulty(fault);
    } else if (marker == 0xC4 && !sound_huffman_tables(segment)) {
      return faulty("is damaged: its Huffman tables are impossible");
    } else if (marker == 0xE1 && !oriented && segment.starts_with(std::string_view("Exif\0\0", 6))) {
      jpeg.orientation = exif_orientation(segment.substr(6));
      oriented = true;
    } else if (marker == 0xDA) {
      // Compressed data hold FF only before 00 and restart marks: the loop above walks over them.
      constexpr int kMostScans = 256;  // an honest progressive file has about ten; each costs a whole pass
      if (++scans > kMostScans) return faulty(fmt::format("is a JPEG with more than {} scans", kMostScans));
    }
  }
}

// --- BMP ---------------------------------------------------------------------------------------------------

FileStructure examine_bmp(std::string_view content, const DecodeLimits& limits) {
  constexpr std::size_t kFileHeader = 14;
  if (content.size() < kFileHeader + 12) return faulty(truncated(content.size()));
  const std::size_t pixels = little_endian(content, 10, 4), header = little_endian(content, 14, 4);
  const bool old = header == 12;
  if (!old && header < 40) return faulty("is damaged: it is not a BMP, or of an unknown kind");
  if (content.size() < kFileHeader + header) return faulty(truncated(content.size()));
  FileStructure bmp;
  bmp.width = old ? little_endian(content, 18, 2) : static_cast<std::int32_t>(little_endian(content, 18, 4));
  bmp.height = old ? little_endian(content, 20, 2)
                   : std::abs(std::int64_t{static_cast<std::int32_t>(little_endian(content, 22, 4))});
  if (std::string fault = image_size_fault(bmp.height, bmp.width, limits); !fault.empty())
    return faulty(fault);
  const std::int64_t bits = little_endian(content, old ? 24 : 28, 2);
  const std::uint32_t compression = old ? 0 : little_endian(content, 30, 4);
  if (compression != 0 && compression != 3)
    return faulty("is a compressed BMP, which cannot be read; save it without compression or as PNG");
  if (bits != 1 && bits != 4 && bits != 8 && bits != 16 && bits != 24 && bits != 32)
    return faulty(fmt::format("is a BMP with {} bits a pixel, which cannot be read", bits));
  const std::int64_t row = (bmp.width * bits + 31) / 32 * 4;
  const std::int64_t needed =
      static_cast<std::int64_t>(pixels) + row * (bmp.height - 1) + (bmp.width * bits + 7) / 8;
  if (needed > static_cast<std::int64_t>(content.size())) return faulty(truncated(content.size()));
  if (pixels < kFileHeader + header) return faulty("is damaged: its pixels begin within its header");
  if (bits <= 8) {
    // Pixels that name a color beyond the palette would read whatever a decoder has there.
    const std::size_t colors = (pixels - kFileHeader - header) / (old ? 3 : 4);
    std::uint32_t largest = 0;
    for (std::int64_t y = 0; y < bmp.height; ++y)
      for (std::int64_t x = 0; x < bmp.width; ++x) {
        const std::uint32_t byte =
            byte_at(content, pixels + static_cast<std::size_t>(y * row + x * bits / 8));
        const auto shift = static_cast<std::uint32_t>(8 - bits - x * bits % 8);
        largest = std::max(largest, byte >> shift & ((1u << bits) - 1));
      }
    if (largest >= colors)
      return faulty(fmt::format("is damaged: a pixel has color {} of a palette of {}", largest, colors));
  }
  return bmp;
}

// --- GIF ---------------------------------------------------------------------------------------------------

FileStructure examine_gif(std::string_view content, const DecodeLimits& limits) {
  constexpr std::size_t kHeader = 13;
  if (content.size() < kHeader) return faulty(truncated(content.size()));
  FileStructure gif;
  gif.width = little_endian(content, 6, 2), gif.height = little_endian(content, 8, 2);
  if (std::string fault = image_size_fault(gif.height, gif.width, limits); !fault.empty())
    return faulty(fault);
  constexpr std::int64_t kMostPixels = 4096;  // the longest run that a code of 12 bits can stand for
  if (std::string fault = bomb_fault(gif, content.size(), kMostPixels); !fault.empty()) return faulty(fault);
  gif.patched = content;
  gif.patched[11] = 0;  // what the frame leaves uncovered is black, not the background color
  const std::uint32_t flags = byte_at(content, 10);
  std::size_t at = kHeader + (flags & 0x80 ? std::size_t{3} << ((flags & 7) + 1) : 0);
  // Extensions before the first frame; the transparent color of a graphic control extension is dropped, so
  // that its pixels keep their color, as those of any other format do.
  while (at + 1 < content.size() && content[at] == '\x21') {
    const bool graphic_control = content[at + 1] == '\xF9';
    at += 2;
    if (graphic_control && at + 1 < content.size() && content[at] == 4)
      gif.patched[at + 1] = static_cast<char>(content[at + 1] & ~1);
    while (at < content.size() && content[at] != 0) at += 1 + byte_at(content, at);
    ++at;
  }
  if (at >= content.size()) return faulty(truncated(content.size()));
  if (content[at] == '\x3B') return faulty("is a GIF without an image");
  return gif;
}

// --- TGA ---------------------------------------------------------------------------------------------------

FileStructure examine_tga(std::string_view content, const DecodeLimits& limits) {
  constexpr std::size_t kHeader = 18;
  if (content.size() < kHeader) return faulty(truncated(content.size()));
  FileStructure tga;
  tga.width = little_endian(content, 12, 2), tga.height = little_endian(content, 14, 2);
  const std::uint32_t type = byte_at(content, 2), bits = byte_at(content, 16), mapped = byte_at(content, 1);
  if (mapped > 1 || (type != 1 && type != 2 && type != 3 && type != 9 && type != 10 && type != 11))
    return faulty("is not a TGA image, or of an unknown kind");
  if (std::string fault = image_size_fault(tga.height, tga.width, limits); !fault.empty())
    return faulty(fault);
  const std::int64_t colors = mapped ? little_endian(content, 5, 2) * ((byte_at(content, 7) + 7) / 8) : 0;
  const bool packed = type >= 9;
  constexpr std::int64_t kMostPixels = 128;  // of a packet
  if (std::string fault = bomb_fault(tga, content.size(), kMostPixels); !fault.empty()) return faulty(fault);
  const std::int64_t needed = static_cast<std::int64_t>(kHeader) + byte_at(content, 0) + colors +
                              (packed ? 0 : tga.width * tga.height * ((bits + 7) / 8));
  if (needed > static_cast<std::int64_t>(content.size())) return faulty(truncated(content.size()));
  return tga;
}

}  // namespace cnn
