#include "data/tga.h"

#include <algorithm>
#include <array>
#include <vector>

#include "core/error.h"
#include "core/text.h"
#include "data/image_size.h"
#include "data/pixel_budget.h"
#include "data/structure_parts.h"
#include "data/upright_image.h"

namespace cnn {
namespace {

constexpr std::size_t kHeader = 18;

enum class TgaContent { palette = 1, color = 2, grey = 3 };

struct Tga {
  std::string fault;
  FileStructure size;
  TgaContent content = TgaContent::color;
  bool packed = false;
  bool alpha = false;  ///< behind the color of every pixel, in a byte of its own
  std::size_t pixel_bytes = 0, color_bytes = 0;
  std::size_t colors_at = 0, colors = 0, first_color = 0;  // the palette
  std::size_t pixels_at = 0;
};

Tga bad(std::string fault) {
  Tga tga;
  tga.fault = std::move(fault);
  return tga;
}

/// Rows are stored from the bottom and from the left unless these bits are set.
int orientation_of(std::uint32_t descriptor) {
  const bool from_top = descriptor & 0x20, from_right = descriptor & 0x10;
  return from_top ? (from_right ? 2 : 1) : (from_right ? 3 : 4);
}

bool good_bytes(const Tga& tga) {
  const auto is = [](std::size_t bytes, std::size_t least, std::size_t most) {
    return bytes >= least && bytes <= most;
  };
  if (tga.content == TgaContent::palette) return is(tga.pixel_bytes, 1, 2) && is(tga.color_bytes, 2, 4);
  return tga.content == TgaContent::grey ? is(tga.pixel_bytes, 1, 2) : is(tga.pixel_bytes, 2, 4);
}

Tga read_header(std::string_view content, const DecodeLimits& limits) {
  if (content.size() < kHeader) return bad(truncated(content.size()));
  Tga tga;
  const std::uint32_t type = byte_at(content, 2), bits = byte_at(content, 16), mapped = byte_at(content, 1);
  tga.packed = type >= 9;
  tga.content = static_cast<TgaContent>(type & 7);
  tga.pixel_bytes = (bits + 7) / 8;
  tga.color_bytes = mapped ? (byte_at(content, 7) + 7) / 8 : 0;
  const bool known = (type >= 1 && type <= 3) || (type >= 9 && type <= 11);
  if (!known || mapped > 1 || (tga.content == TgaContent::palette && !mapped) || !good_bytes(tga))
    return bad("is not a TGA image, or of an unknown kind");
  tga.size.width = little_endian(content, 12, 2), tga.size.height = little_endian(content, 14, 2);
  tga.size.orientation = orientation_of(byte_at(content, 17));
  tga.alpha =
      (byte_at(content, 17) & 15) == 8 && ((tga.content == TgaContent::color && tga.pixel_bytes == 4) ||
                                           (tga.content == TgaContent::grey && tga.pixel_bytes == 2));
  if (std::string fault = image_size_fault(tga.size.height, tga.size.width, limits); !fault.empty())
    return bad(fault);
  tga.first_color = little_endian(content, 3, 2);
  tga.colors = mapped ? little_endian(content, 5, 2) : 0;
  tga.colors_at = kHeader + byte_at(content, 0);
  tga.pixels_at = tga.colors_at + tga.colors * tga.color_bytes;
  constexpr std::int64_t kMostPixels = 128;  // of a packet
  if (std::string fault = bomb_fault(tga.size, content.size(), kMostPixels); !fault.empty())
    return bad(fault);
  const std::size_t pixels =
      tga.packed ? 0 : static_cast<std::size_t>(tga.size.height * tga.size.width) * tga.pixel_bytes;
  if (tga.pixels_at + pixels > content.size()) return bad(truncated(content.size()));
  return tga;
}

/// A color of 2 bytes (5 bits each), 3 or 4.
Rgb color_at(std::string_view content, std::size_t at, std::size_t bytes) {
  if (bytes > 2)
    return {static_cast<std::uint8_t>(content[at + 2]), static_cast<std::uint8_t>(content[at + 1]),
            static_cast<std::uint8_t>(content[at])};
  const std::uint32_t value = little_endian(content, at, 2);
  const auto part = [&](int shift) { return static_cast<std::uint8_t>((value >> shift & 31) * 255 / 31); };
  return {part(10), part(5), part(0)};
}

/// Where the pixels of the file lie, one after the other, through the packets.
class TgaPixels {
 public:
  TgaPixels(std::string_view content, const Tga& tga) : content_(content), tga_(tga), at_(tga.pixels_at) {}

  /// The next pixel's place, or 0 at the end of the file.
  std::size_t next() {
    if (tga_.packed && left_ == 0) {
      if (at_ >= content_.size()) return 0;
      const std::uint32_t packet = byte_at(content_, at_++);
      repeats_ = packet & 0x80;
      left_ = (packet & 0x7F) + 1;
      first_ = true;
    }
    if (repeats_ && !first_) {
      --left_;
      return at_ - tga_.pixel_bytes;
    }
    if (content_.size() - at_ < tga_.pixel_bytes) return 0;
    const std::size_t pixel = at_;
    at_ += tga_.pixel_bytes;
    first_ = false;
    if (tga_.packed) --left_;
    return pixel;
  }

 private:
  std::string_view content_;
  const Tga& tga_;
  std::size_t at_;
  std::uint32_t left_ = 0;  // in the packet
  bool repeats_ = false, first_ = true;
};

}  // namespace

Decoded decode_tga(std::string_view content, const DecodeLimits& limits) {
  const Tga tga = read_header(content, limits);
  if (!tga.fault.empty()) return {{}, tga.fault};
  const auto height = static_cast<int>(tga.size.height), width = static_cast<int>(tga.size.width);
  const PixelBudget budget(tga.size.height * tga.size.width);
  const std::size_t channels = tga.content == TgaContent::grey ? 1 : 3;
  const std::size_t components = channels + (tga.alpha ? 1 : 0);
  UprightImage image(static_cast<int>(components), height, width, tga.size.orientation);
  std::vector<std::uint8_t> row(static_cast<std::size_t>(width) * components);
  TgaPixels pixels(content, tga);
  for (int y = 0; y < height; ++y) {
    for (auto to = row.begin(); to != row.end(); to += static_cast<std::ptrdiff_t>(components)) {
      const std::size_t at = pixels.next();
      if (at == 0) return {{}, truncated(content.size())};
      Rgb color{static_cast<std::uint8_t>(content[at])};
      if (tga.content == TgaContent::color) {
        color = color_at(content, at, tga.pixel_bytes);
      } else if (tga.content == TgaContent::palette) {
        const std::size_t number = little_endian(content, at, tga.pixel_bytes);
        if (number < tga.first_color || number - tga.first_color >= tga.colors)
          return {{}, fmt::format("is damaged: a pixel has color {} of a palette of {}", number, tga.colors)};
        color =
            color_at(content, tga.colors_at + (number - tga.first_color) * tga.color_bytes, tga.color_bytes);
      }
      std::copy_n(color.begin(), channels, to);
      if (tga.alpha)
        to[static_cast<std::ptrdiff_t>(channels)] =
            static_cast<std::uint8_t>(content[at + tga.pixel_bytes - 1]);
    }
    image.put(row.data(), y, 1);
  }
  return {image.take(), ""};
}

}  // namespace cnn
