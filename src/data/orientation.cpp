#include "data/orientation.h"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "core/error.h"

namespace cnn {
namespace {

/// Numbers out of bytes in either order; nothing beyond the end.
class Reader {
 public:
  Reader(std::string_view bytes, bool little) : bytes_(bytes), little_(little) {}

  std::optional<std::uint32_t> number(std::size_t at, std::size_t length) const {
    if (at > bytes_.size() || bytes_.size() - at < length) return std::nullopt;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < length; ++i) {
      const std::size_t from = little_ ? at + length - 1 - i : at + i;
      value = value << 8 | static_cast<unsigned char>(bytes_[from]);
    }
    return value;
  }

 private:
  std::string_view bytes_;
  bool little_;
};

/// 0: it is not there.
int found_in_exif(std::string_view tiff) {
  const bool little = tiff.starts_with("II");
  if (!little && !tiff.starts_with("MM")) return 0;
  const Reader reader(tiff, little);
  const auto directory = reader.number(4, 4);
  if (reader.number(2, 2) != 42 || !directory) return 0;
  const auto entries = reader.number(*directory, 2);
  if (!entries) return 0;
  constexpr std::uint32_t kOrientation = 0x0112, kShort = 3, kLong = 4;
  for (std::uint32_t i = 0; i < *entries; ++i) {
    const std::size_t at = std::size_t{*directory} + 2 + std::size_t{12} * i;
    const auto tag = reader.number(at, 2);
    if (!tag) return 0;
    if (*tag != kOrientation) continue;
    const auto type = reader.number(at + 2, 2);
    if (type != kShort && type != kLong) return 1;
    const auto value = reader.number(at + 8, type == kShort ? 2 : 4);
    return value && *value >= 1 && *value <= 8 ? static_cast<int>(*value) : 1;
  }
  return 0;
}

/// As an attribute, tiff:Orientation="6", or as an element, <tiff:Orientation>6</...>. 0: it is not there.
int found_in_xmp(std::string_view xmp) {
  constexpr std::string_view kName = "tiff:Orientation";
  for (std::size_t at = xmp.find(kName); at != std::string_view::npos; at = xmp.find(kName, at + 1)) {
    std::string_view value = xmp.substr(at + kName.size());
    if (value.starts_with("=\"") || value.starts_with("='"))
      value.remove_prefix(2);
    else if (value.starts_with(">"))
      value.remove_prefix(1);
    else
      continue;
    if (!value.empty() && value[0] >= '1' && value[0] <= '8') return value[0] - '0';
  }
  return 0;
}

}  // namespace

int exif_orientation(std::string_view tiff) { return std::max(1, found_in_exif(tiff)); }

int orientation_of(std::string_view exif, std::string_view xmp) {
  if (exif.starts_with(std::string_view("Exif\0\0", 6))) exif.remove_prefix(6);
  const int found = found_in_exif(exif);
  return found != 0 ? found : std::max(1, found_in_xmp(xmp));
}

Upright::Upright(int orientation, int stored_height, int stored_width) {
  CNN_CHECK(orientation >= 1 && orientation <= 8, "orientation = {}", orientation);
  const bool sideways = orientation >= 5;  // stored rows are upright columns
  height = sideways ? stored_width : stored_height;
  width = sideways ? stored_height : stored_width;
  // Which way a stored row and a stored column run in the upright image.
  const bool row_backwards = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool column_backwards = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  step_x = sideways ? width : 1;
  step_y = sideways ? 1 : width;
  origin = 0;
  if (row_backwards) origin += (stored_width - 1) * step_x, step_x = -step_x;
  if (column_backwards) origin += (stored_height - 1) * step_y, step_y = -step_y;
}

}  // namespace cnn
