#include "data/gif.h"

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

using GifPalette = std::array<Rgb, 256>;

struct GifFrame {
  std::string fault;
  std::int64_t left = 0, top = 0, width = 0, height = 0;
  bool interlaced = false;
  GifPalette palette{};
  int transparent = -1;     // number of a color
  std::size_t data_at = 0;  // the size of the first codes, then blocks
};

GifFrame bad(std::string fault) {
  GifFrame frame;
  frame.fault = std::move(fault);
  return frame;
}

/// The colors of a table, which begins at `at` if the flags say that there is one. Others are grey.
bool read_palette(std::string_view content, std::size_t& at, std::uint32_t flags, GifPalette& palette) {
  if (!(flags & 0x80)) return true;
  const std::size_t colors = std::size_t{2} << (flags & 7);
  if (content.size() < at + 3 * colors) return false;
  for (std::size_t i = 0; i < colors; ++i)
    for (std::size_t c = 0; c < 3; ++c) palette[i][c] = static_cast<std::uint8_t>(content[at + 3 * i + c]);
  at += 3 * colors;
  return true;
}

/// Finds the first frame behind the extensions.
GifFrame read_frame(std::string_view content) {
  constexpr std::size_t kHeader = 13, kDescriptor = 10;
  GifFrame frame;
  for (std::size_t i = 0; i < frame.palette.size(); ++i) frame.palette[i].fill(static_cast<std::uint8_t>(i));
  if (content.size() < kHeader) return bad(truncated(content.size()));
  std::size_t at = kHeader;
  if (!read_palette(content, at, byte_at(content, 10), frame.palette)) return bad(truncated(content.size()));
  while (at < content.size() && content[at] == '\x21') {
    // A graphic control extension: its length, flags, two bytes of time, the transparent color.
    if (content.size() >= at + 7 && content.substr(at + 1, 2) == "\xF9\x04" && (byte_at(content, at + 3) & 1))
      frame.transparent = static_cast<int>(byte_at(content, at + 6));
    at += 2;
    while (at < content.size() && content[at] != 0) at += 1 + byte_at(content, at);
    ++at;
  }
  if (at >= content.size()) return bad(truncated(content.size()));
  if (content[at] == '\x3B') return bad("is a GIF without an image");
  if (content[at] != '\x2C') return bad("is damaged: there is no frame where it should be");
  if (content.size() < at + kDescriptor) return bad(truncated(content.size()));
  frame.left = little_endian(content, at + 1, 2), frame.top = little_endian(content, at + 3, 2);
  frame.width = little_endian(content, at + 5, 2), frame.height = little_endian(content, at + 7, 2);
  const std::uint32_t flags = byte_at(content, at + 9);
  frame.interlaced = flags & 0x40;
  at += kDescriptor;
  if (!read_palette(content, at, flags, frame.palette) || at >= content.size())
    return bad(truncated(content.size()));
  frame.data_at = at;
  return frame;
}

/// The compressed data without the lengths of its blocks. False: the file ends within a block.
bool join_blocks(std::string_view content, std::size_t at, std::string& data) {
  while (at < content.size() && content[at] != 0) {
    const std::size_t length = byte_at(content, at);
    if (content.size() - at - 1 < length) return false;
    data += content.substr(at + 1, length);
    at += 1 + length;
  }
  return true;
}

/// Variable-length codes, the lowest bits first, into numbers of colors.
class GifUnpacker {
 public:
  GifUnpacker(std::string_view data, int first_bits, const CpuDeadline& deadline)
      : data_(data), first_bits_(first_bits), deadline_(deadline) {
    clear();
  }

  /// "" when `pixels` are full, or what is wrong.
  std::string unpack(std::vector<std::uint8_t>& pixels) {
    const int clear_code = 1 << first_bits_, end_code = clear_code + 1;
    std::size_t filled = 0;
    for (std::int64_t codes = 0; filled < pixels.size(); ++codes) {
      if (codes % 4096 == 0 && deadline_.passed()) return deadline_.fault();
      const int code = next_code();
      if (code < 0 || code == end_code) return "is truncated: the GIF's data end before the image does";
      if (code == clear_code) {
        clear();
        continue;
      }
      if (code > next_ || (code == next_ && last_ < 0))
        return "is damaged: the GIF's data hold a code that does not exist yet";
      const std::size_t length = std::min(write(code), pixels.size() - filled);
      std::copy_n(string_.end() - static_cast<std::ptrdiff_t>(string_length_), length,
                  pixels.begin() + static_cast<std::ptrdiff_t>(filled));
      filled += length;
    }
    return "";
  }

 private:
  static constexpr int kMostCodes = 4096;

  void clear() {
    next_ = (1 << first_bits_) + 2;
    bits_ = first_bits_ + 1;
    last_ = -1;
  }

  int next_code() {
    while (available_ < bits_) {
      if (at_ >= data_.size()) return -1;
      buffer_ |= byte_at(data_, at_++) << available_;
      available_ += 8;
    }
    const int code = static_cast<int>(buffer_ & ((1u << bits_) - 1));
    buffer_ >>= bits_;
    available_ -= bits_;
    return code;
  }

  /// Leaves the code's string at the end of string_ and returns its length. The code after the last one of
  /// the table is the last string and its own first color.
  std::size_t write(int code) {
    std::size_t begin = string_.size();
    const bool newest = code == next_;
    if (newest) --begin;
    for (int c = newest ? last_ : code; c >= 0;
         c = c >= (1 << first_bits_) ? prefix_[static_cast<std::size_t>(c)] : -1)
      string_[--begin] = color_of(c);
    const std::uint8_t first = string_[begin];
    if (newest) string_.back() = first;
    if (last_ >= 0 && next_ < kMostCodes) {
      prefix_[static_cast<std::size_t>(next_)] = last_;
      color_[static_cast<std::size_t>(next_)] = first;
      ++next_;
      if (next_ == 1 << bits_ && bits_ < 12) ++bits_;
    }
    last_ = code;
    return string_length_ = string_.size() - begin;
  }

  std::uint8_t color_of(int code) const {
    return code < 1 << first_bits_ ? static_cast<std::uint8_t>(code) : color_[static_cast<std::size_t>(code)];
  }

  std::string_view data_;
  const int first_bits_;
  const CpuDeadline& deadline_;
  std::size_t at_ = 0, string_length_ = 0;
  std::uint32_t buffer_ = 0;
  int available_ = 0, bits_ = 0, next_ = 0, last_ = -1;
  std::array<int, kMostCodes> prefix_{};
  std::array<std::uint8_t, kMostCodes> color_{};
  std::array<std::uint8_t, kMostCodes + 1> string_{};
};

/// The frame's row that is stored at place `stored`: interlaced ones come in four passes.
std::int64_t row_of(std::int64_t stored, const GifFrame& frame) {
  if (!frame.interlaced) return stored;
  constexpr std::array<std::array<std::int64_t, 2>, 4> kPasses{{{0, 8}, {4, 8}, {2, 4}, {1, 2}}};
  for (const auto& [first, step] : kPasses) {
    const std::int64_t rows = std::max<std::int64_t>(0, (frame.height - first + step - 1) / step);
    if (stored < rows) return first + stored * step;
    stored -= rows;
  }
  CNN_CHECK(false, "row {} of {}", stored, frame.height);
  return 0;
}

}  // namespace

Decoded decode_gif(std::string_view content, const DecodeLimits& limits, const CpuDeadline& deadline) {
  const GifFrame frame = read_frame(content);
  if (!frame.fault.empty()) return {{}, frame.fault};
  FileStructure screen;
  screen.width = std::max<std::int64_t>(little_endian(content, 6, 2), frame.left + frame.width);
  screen.height = std::max<std::int64_t>(little_endian(content, 8, 2), frame.top + frame.height);
  if (std::string fault = image_size_fault(screen.height, screen.width, limits); !fault.empty())
    return {{}, fault};
  if (std::string fault = image_size_fault(frame.height, frame.width, limits); !fault.empty())
    return {{}, fault};
  constexpr std::int64_t kMostPixels = 4096;  // the longest run that a code of 12 bits can stand for
  if (std::string fault = bomb_fault(screen, content.size(), kMostPixels); !fault.empty()) return {{}, fault};
  const int first_bits = static_cast<int>(byte_at(content, frame.data_at));
  if (first_bits < 1 || first_bits > 8)
    return {{}, fmt::format("is damaged: the GIF's first codes have {} bits, expected 1 to 8", first_bits)};

  const PixelBudget budget(screen.height * screen.width);
  std::string data;
  if (!join_blocks(content, frame.data_at + 1, data)) return {{}, truncated(content.size())};
  std::vector<std::uint8_t> numbers(static_cast<std::size_t>(frame.height * frame.width));
  if (std::string fault = GifUnpacker(data, first_bits, deadline).unpack(numbers); !fault.empty())
    return {{}, fault};
  // What a smaller frame leaves open is transparent, too.
  const bool open = frame.width < screen.width || frame.height < screen.height;
  const int components = open || frame.transparent >= 0 ? 4 : 3;
  UprightImage image(components, static_cast<int>(screen.height), static_cast<int>(screen.width), 1);
  std::vector<std::uint8_t> row(static_cast<std::size_t>(screen.width * components));
  for (std::int64_t stored = 0; stored < frame.height; ++stored) {
    const std::uint8_t* number = &numbers[static_cast<std::size_t>(stored * frame.width)];
    for (std::int64_t x = 0; x < frame.width; ++x) {
      std::uint8_t* pixel = &row[static_cast<std::size_t>(components * (frame.left + x))];
      std::copy_n(frame.palette[number[x]].begin(), 3, pixel);
      if (components == 4) pixel[3] = number[x] == frame.transparent ? 0 : 255;
    }
    image.put(row.data(), static_cast<int>(frame.top + row_of(stored, frame)), 1);
  }
  return {image.take(), ""};
}

}  // namespace cnn
