#include "data/bmp.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <vector>

#include "core/error.h"
#include "core/text.h"
#include "data/image_size.h"
#include "data/pixel_budget.h"
#include "data/structure_parts.h"
#include "data/upright_image.h"

namespace cnn {
namespace {

constexpr std::size_t kFileHeader = 14;
constexpr int kBottomUp = 4;  // as an orientation

// Compressions.
constexpr std::uint32_t kRuns8 = 1, kRuns4 = 2, kBitFields = 3, kAlphaBitFields = 6;

struct Bmp {
  std::string fault;
  std::int64_t height = 0, width = 0, bits = 0;
  bool top_down = false, os2 = false, runs = false;
  std::size_t colors_at = 0, color_bytes = 4;  // the palette
  std::size_t pixels_at = 0;
  std::array<std::uint32_t, 4> masks{};  // of red, green, blue and alpha, 16 and 32 bits

  std::int64_t row_bytes() const { return (width * bits + 31) / 32 * 4; }
};

Bmp bad(std::string fault) {
  Bmp bmp;
  bmp.fault = std::move(fault);
  return bmp;
}

bool known_to_windows(std::size_t header) {
  return header == 40 || header == 52 || header == 56 || header == 108 || header == 124;
}

/// Fills in the masks and moves colors_at behind those that follow a short header. False: they are not there.
bool read_masks(std::string_view content, std::size_t at, std::size_t header, std::uint32_t compression,
                Bmp& bmp) {
  if (compression == kBitFields || compression == kAlphaBitFields) {
    constexpr std::size_t kMasks = 40;  // behind the first 40 bytes, in the header or after it
    if (content.size() < at + kMasks + 12) return false;
    for (std::size_t c = 0; c < 3; ++c) bmp.masks[c] = little_endian(content, at + kMasks + 4 * c, 4);
    if (header == kMasks) bmp.colors_at += compression == kBitFields ? 12 : 16;
    const bool has_alpha = header >= kMasks + 16 || (header == kMasks && compression == kAlphaBitFields);
    if (has_alpha && content.size() >= at + kMasks + 16)
      bmp.masks[3] = little_endian(content, at + kMasks + 12, 4);
  } else if (bmp.bits == 16) {
    bmp.masks = {0x7C00, 0x03E0, 0x001F, 0};
  } else {
    bmp.masks = {0xFF0000, 0xFF00, 0xFF, 0};
  }
  return true;
}

Bmp read_header(std::string_view content, const DecodeLimits& limits) {
  // An OS/2 array has a header of its own before the first bitmap. Offsets count from the start of the file.
  const std::size_t file = content.starts_with("BA") ? kFileHeader : 0, at = file + kFileHeader;
  if (content.size() < at + 12) return bad(truncated(content.size()));
  if (content.substr(file, 2) != "BM") return bad("is an OS/2 array without a bitmap");
  Bmp bmp;
  bmp.pixels_at = little_endian(content, file + 10, 4);
  const std::size_t header = little_endian(content, at, 4);
  const bool old = header == 12;
  bmp.os2 = !known_to_windows(header);
  if (!old && (header < 16 || (bmp.os2 && header > 64)))
    return bad("is damaged: it is not a BMP, or of an unknown kind");
  if (content.size() < at + header) return bad(truncated(content.size()));
  const auto number = [&](std::size_t offset, std::size_t bytes) {
    return offset + bytes <= header ? little_endian(content, at + offset, bytes) : 0;
  };
  const auto side = [&](std::size_t offset, std::size_t old_offset) -> std::int64_t {
    if (old) return number(old_offset, 2);
    return static_cast<std::int32_t>(number(offset, 4));
  };
  bmp.width = side(4, 4);
  bmp.height = side(8, 6);
  bmp.top_down = bmp.height < 0;
  bmp.height = std::abs(bmp.height);
  if (std::string fault = image_size_fault(bmp.height, bmp.width, limits); !fault.empty()) return bad(fault);
  bmp.bits = old ? number(10, 2) : number(14, 2);
  const std::uint32_t compression = old ? 0 : number(16, 4);
  const bool fields = compression == kBitFields || compression == kAlphaBitFields;
  bmp.runs = (compression == kRuns8 && bmp.bits == 8) || (compression == kRuns4 && bmp.bits == 4);
  if (compression != 0 && !bmp.runs && (bmp.os2 || !fields || (bmp.bits != 16 && bmp.bits != 32)))
    return bad("is a BMP with a rare compression, which cannot be read; save it as PNG");
  if (bmp.bits != 1 && bmp.bits != 2 && bmp.bits != 4 && bmp.bits != 8 && bmp.bits != 16 && bmp.bits != 24 &&
      bmp.bits != 32)
    return bad(fmt::format("is a BMP with {} bits a pixel, which cannot be read", bmp.bits));
  bmp.colors_at = at + header;
  bmp.color_bytes = old ? 3 : 4;
  if (!read_masks(content, at, header, compression, bmp)) return bad(truncated(content.size()));
  if (bmp.pixels_at == 0)  // directly behind the palette
    bmp.pixels_at = bmp.colors_at + (bmp.bits <= 8 ? bmp.color_bytes << bmp.bits : 0);
  if (bmp.pixels_at < bmp.colors_at) return bad("is damaged: its pixels begin within its header");
  if (bmp.runs) {
    if (bmp.pixels_at > content.size()) return bad(truncated(content.size()));
    FileStructure size;
    size.height = bmp.height, size.width = bmp.width;
    constexpr std::int64_t kMostPixels = 255 / 2;  // of two bytes
    bmp.fault = bomb_fault(size, content.size(), kMostPixels);
    return bmp;
  }
  const std::int64_t needed = static_cast<std::int64_t>(bmp.pixels_at) + bmp.row_bytes() * (bmp.height - 1) +
                              (bmp.width * bmp.bits + 7) / 8;
  if (needed > static_cast<std::int64_t>(content.size())) return bad(truncated(content.size()));
  return bmp;
}

/// What lies between header and pixels, at most as many colors as a pixel can name.
std::vector<Rgb> read_palette(std::string_view content, const Bmp& bmp) {
  std::vector<Rgb> palette;
  const std::size_t most = std::size_t{1} << bmp.bits;
  for (std::size_t at = bmp.colors_at; at + bmp.color_bytes <= bmp.pixels_at && palette.size() < most;
       at += bmp.color_bytes)
    palette.push_back({static_cast<std::uint8_t>(content[at + 2]), static_cast<std::uint8_t>(content[at + 1]),
                       static_cast<std::uint8_t>(content[at])});
  return palette;
}

/// Unpacks runs of pixels into numbers of colors, in the order of the file's rows. Pixels that it skips have
/// color 0, and what goes beyond the end of a row is dropped, as in Pillow. "" or what is wrong.
std::string unpack_runs(std::string_view content, const Bmp& bmp, std::vector<std::uint8_t>& numbers) {
  enum Escape : std::uint32_t { end_of_row, end_of_image, move };
  numbers.assign(static_cast<std::size_t>(bmp.height * bmp.width), 0);
  std::int64_t x = 0, y = 0;
  // color_at(i): of the i-th of so many pixels.
  const auto put = [&](std::uint32_t count, const auto& color_at) {
    const std::int64_t end = std::min(bmp.width, x + count);
    for (std::int64_t i = 0; x + i < end; ++i)
      numbers[static_cast<std::size_t>(y * bmp.width + x + i)] =
          static_cast<std::uint8_t>(color_at(static_cast<std::size_t>(i)));
    x += count;
  };
  // The i-th pixel of a byte that stands for one of 8 bits, or for two of 4.
  const auto color_in = [&](std::uint32_t byte, std::size_t i) {
    return bmp.bits == 8 ? byte : i % 2 == 0 ? byte >> 4 : byte & 15;
  };
  const std::size_t pixels_of_byte = bmp.bits == 8 ? 1 : 2;
  for (std::size_t at = bmp.pixels_at; y < bmp.height;) {
    if (content.size() < at + 2) return truncated(content.size());
    const std::uint32_t count = byte_at(content, at), what = byte_at(content, at + 1);
    at += 2;
    if (count > 0) {
      put(count, [&](std::size_t i) { return color_in(what, i); });
    } else if (what == end_of_row) {
      x = 0, ++y;
    } else if (what == end_of_image) {
      return "";
    } else if (what == move) {
      if (content.size() < at + 2) return truncated(content.size());
      x += byte_at(content, at), y += byte_at(content, at + 1);
      at += 2;
    } else {  // so many pixels as they are, and a byte to make it even
      const std::size_t bytes = (what + pixels_of_byte - 1) / pixels_of_byte;
      if (content.size() < at + bytes) return truncated(content.size());
      put(what, [&](std::size_t i) { return color_in(byte_at(content, at + i / pixels_of_byte), i); });
      at += bytes + bytes % 2;
    }
  }
  return "";
}

/// The bits under a mask, as 0 .. 255.
std::uint8_t field(std::uint32_t pixel, std::uint32_t mask) {
  if (mask == 0) return 0;
  const int shift = std::countr_zero(mask);
  return static_cast<std::uint8_t>(std::uint64_t{(pixel & mask) >> shift} * 255 / (mask >> shift));
}

}  // namespace

Decoded decode_bmp(std::string_view content, const DecodeLimits& limits) {
  const Bmp bmp = read_header(content, limits);
  if (!bmp.fault.empty()) return {{}, bmp.fault};
  const PixelBudget budget(bmp.height * bmp.width);
  const auto palette = bmp.bits <= 8 ? read_palette(content, bmp) : std::vector<Rgb>();
  const bool alpha = bmp.bits > 8 && bmp.bits != 24 && bmp.masks[3] != 0;
  const std::size_t components = alpha ? 4 : 3;
  UprightImage image(static_cast<int>(components), static_cast<int>(bmp.height), static_cast<int>(bmp.width),
                     bmp.top_down ? 1 : kBottomUp);
  std::vector<std::uint8_t> row(static_cast<std::size_t>(bmp.width) * components), numbers;
  if (bmp.runs)
    if (std::string fault = unpack_runs(content, bmp, numbers); !fault.empty()) return {{}, fault};
  const auto bits = static_cast<std::size_t>(bmp.bits);
  for (std::int64_t y = 0; y < bmp.height; ++y) {
    const std::string_view stored =
        bmp.runs ? "" : content.substr(bmp.pixels_at + static_cast<std::size_t>(y * bmp.row_bytes()));
    for (std::size_t x = 0; x < static_cast<std::size_t>(bmp.width); ++x) {
      std::uint8_t* to = &row[components * x];
      if (bits == 24) {
        for (std::size_t c = 0; c < 3; ++c) to[c] = static_cast<std::uint8_t>(stored[3 * x + 2 - c]);
      } else if (bits > 8) {
        const std::uint32_t pixel = little_endian(stored, x * bits / 8, bits / 8);
        for (std::size_t c = 0; c < components; ++c) to[c] = field(pixel, bmp.masks[c]);
      } else {
        const std::size_t shift = 8 - bits - x * bits % 8;
        const std::size_t color = bmp.runs ? numbers[static_cast<std::size_t>(y * bmp.width) + x]
                                           : byte_at(stored, x * bits / 8) >> shift & ((1u << bits) - 1);
        if (color >= palette.size())
          return {{},
                  fmt::format("is damaged: a pixel has color {} of a palette of {}", color, palette.size())};
        for (std::size_t c = 0; c < 3; ++c) to[c] = palette[color][c];
      }
    }
    image.put(row.data(), static_cast<int>(y), 1);
  }
  return {image.take(), ""};
}

}  // namespace cnn
