#include "data/png_structure.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "core/error.h"
#include "core/text.h"
#include "data/image_size.h"
#include "data/orientation.h"
#include "data/structure_parts.h"

namespace cnn {
namespace {

/// Unpacks a PNG's data piece by piece, keeping nothing, to see that all of it is there.
class PngData {
 public:
  PngData(std::int64_t expected, const CpuDeadline& deadline) : expected_(expected), deadline_(deadline) {
    if (inflateInit(&stream_) != Z_OK) throw std::bad_alloc();  // nothing else can be wrong here
  }
  ~PngData() { inflateEnd(&stream_); }
  PngData(const PngData&) = delete;
  PngData& operator=(const PngData&) = delete;

  /// Returns "" or what is wrong.
  std::string add(std::string_view piece) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
    stream_.avail_in = static_cast<uInt>(piece.size());
    while (!ended_ && stream_.avail_in > 0) {
      if (deadline_.passed()) return deadline_.fault();
      std::array<Bytef, 1 << 15> thrown_away;
      stream_.next_out = thrown_away.data();
      stream_.avail_out = thrown_away.size();
      const int status = inflate(&stream_, Z_NO_FLUSH);
      unpacked_ += static_cast<std::int64_t>(thrown_away.size() - stream_.avail_out);
      // A few files carry a little more than their size asks for; a bomb carries much more.
      constexpr std::int64_t kTolerated = 1 << 16;
      if (unpacked_ > expected_ + kTolerated)
        return fmt::format("is damaged: its data unpacks to more than the {} bytes of its size",
                           with_commas(expected_));
      if (status == Z_STREAM_END)
        ended_ = true;
      else if (status != Z_OK)
        return fmt::format("is damaged: its compressed data is broken ({})",
                           stream_.msg ? stream_.msg : "unknown error");
    }
    return "";
  }

  std::string end() const {
    if (!ended_ || unpacked_ < expected_)
      return fmt::format("is truncated: its data unpacks to {} of {} bytes", with_commas(unpacked_),
                         with_commas(expected_));
    return "";
  }

 private:
  z_stream stream_{};
  std::int64_t expected_, unpacked_ = 0;
  const CpuDeadline& deadline_;
  bool ended_ = false;
};

/// Bytes of the unpacked data: a filter byte and the packed pixels for every row of every pass.
std::int64_t png_data_bytes(std::int64_t height, std::int64_t width, std::int64_t bits, bool interlaced) {
  const auto bytes = [&](std::int64_t h, std::int64_t w) {
    return h == 0 || w == 0 ? 0 : h * (1 + (w * bits + 7) / 8);
  };
  if (!interlaced) return bytes(height, width);
  struct Pass {
    int x, y, step_x, step_y;
  };
  constexpr std::array<Pass, 7> kPasses{
      {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}};
  std::int64_t total = 0;
  for (const Pass& pass : kPasses)
    total += bytes((height - pass.y + pass.step_y - 1) / pass.step_y,
                   (width - pass.x + pass.step_x - 1) / pass.step_x);
  return total;
}

}  // namespace

FileStructure examine_png(std::string_view content, const DecodeLimits& limits, const CpuDeadline& deadline) {
  constexpr std::size_t kSignature = 8, kAround = 12;  // length, name and checksum around a chunk's data
  constexpr std::uint32_t kPaletteColor = 3;
  FileStructure png;
  std::uint32_t depth = 0, color = 0;
  std::size_t palette_at = 0, palette_bytes = 0;
  std::unique_ptr<PngData> data;
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
      const int bits = kSamples[color] * static_cast<int>(depth);
      data = std::make_unique<PngData>(png_data_bytes(png.height, png.width, bits, byte_at(chunk, 12) != 0),
                                       deadline);
    } else if (name == "PLTE") {
      palette_at = at, palette_bytes = length;
    } else if (name == "IDAT") {
      if (std::string fault = data->add(chunk); !fault.empty()) return faulty(fault);
    } else if (name == "eXIf") {
      exif = chunk;
    } else if (name == "iTXt" && chunk.starts_with(kXmp)) {
      xmp = chunk;
    } else if (name == "IEND") {
      if (std::string fault = data->end(); !fault.empty()) return faulty(fault);
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
