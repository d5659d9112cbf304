#include "data/pnm.h"

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "core/text.h"
#include "data/image_size.h"

namespace cnn {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Walks through the decimal numbers of a header or of plain pixels.
class Numbers {
 public:
  explicit Numbers(std::string_view content) : content_(content), at_(2) {}

  /// The next number, or nothing at the end, at anything else than a number, or above 999,999,999.
  std::optional<std::int64_t> next() {
    skip_space();
    std::int64_t value = 0;
    const std::size_t begin = at_;
    for (; at_ < content_.size() && is_digit(content_[at_]); ++at_) {
      if (at_ - begin >= 9) return std::nullopt;
      value = value * 10 + (content_[at_] - '0');
    }
    if (at_ == begin) return std::nullopt;
    return value;
  }
  /// The next bit of a plain bitmap: digits need no space between them.
  std::optional<std::int64_t> next_bit() {
    skip_space();
    if (at_ >= content_.size() || (content_[at_] != '0' && content_[at_] != '1')) return std::nullopt;
    return content_[at_++] - '0';
  }
  /// What follows the single white-space character behind the last number.
  std::string_view rest() const { return content_.substr(std::min(at_ + 1, content_.size())); }

 private:
  void skip_space() {
    for (; at_ < content_.size(); ++at_) {
      if (content_[at_] == '#')
        at_ = std::min(content_.find('\n', at_), content_.size() - 1);
      else if (!is_space(content_[at_]))
        return;
    }
  }

  std::string_view content_;
  std::size_t at_;
};

Decoded faulty(std::string fault) { return {{}, std::move(fault)}; }

}  // namespace

Decoded decode_pnm(std::string_view content, const DecodeLimits& limits) {
  const char kind = content[1];
  const bool plain = kind <= '3', bitmap = kind == '1' || kind == '4';
  const int channels = kind == '3' || kind == '6' ? 3 : 1;
  Numbers numbers(content);
  const auto width = numbers.next(), height = numbers.next();
  const auto largest = bitmap ? std::optional<std::int64_t>(1) : numbers.next();
  if (!width || !height || !largest) return faulty("is damaged: its PNM header is not complete");
  if (*largest < 1 || *largest > 65535)
    return faulty(fmt::format("is damaged: its largest value is {}, expected 1 .. 65535", *largest));
  if (std::string fault = image_size_fault(*height, *width, limits); !fault.empty()) return faulty(fault);

  const std::int64_t plane = *height * *width, values = plane * channels;
  const std::string_view data = numbers.rest();
  const std::int64_t value_bytes = *largest > 255 ? 2 : 1;
  const std::int64_t row_bytes = (*width + 7) / 8;  // of a binary bitmap
  const std::int64_t needed = kind == '4' ? row_bytes * *height : plain ? values : values * value_bytes;
  if (needed > static_cast<std::int64_t>(data.size()))
    return faulty(fmt::format("is truncated: {} of {} bytes of pixels are there",
                              with_commas(static_cast<std::int64_t>(data.size())), with_commas(needed)));

  Image image{channels, static_cast<int>(*height), static_cast<int>(*width), {}};
  image.pixels.resize(static_cast<std::size_t>(values));
  if (value_bytes == 2) {
    image.deep.resize(static_cast<std::size_t>(values));
    image.white = static_cast<int>(*largest);
  }
  const auto byte = [&](std::int64_t at) {
    return static_cast<std::int64_t>(static_cast<unsigned char>(data[static_cast<std::size_t>(at)]));
  };
  for (std::int64_t i = 0; i < values; ++i) {
    std::int64_t value = 0;
    if (plain) {
      const auto number = bitmap ? numbers.next_bit() : numbers.next();
      if (!number) return faulty(fmt::format("is truncated or damaged at pixel value {}", i));
      value = *number;
    } else if (bitmap) {
      value = byte(i / *width * row_bytes + i % *width / 8) >> (7 - i % *width % 8) & 1;
    } else {
      value = value_bytes == 1 ? byte(i) : byte(2 * i) << 8 | byte(2 * i + 1);
    }
    value = std::min(value, *largest);
    if (bitmap) value = 1 - value;  // 1 is black there
    const auto place = static_cast<std::size_t>(i % channels * plane + i / channels);
    image.pixels[place] = static_cast<std::uint8_t>((2 * value * 255 + *largest) / (2 * *largest));
    if (value_bytes == 2) image.deep[place] = static_cast<std::uint16_t>(value);
  }
  return {std::move(image), ""};
}

}  // namespace cnn
