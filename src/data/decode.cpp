#include "data/decode.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/text.h"
#include "data/bmp.h"
#include "data/cpu_deadline.h"
#include "data/finish_image.h"
#include "data/gif.h"
#include "data/heif.h"
#include "data/jpeg.h"
#include "data/png.h"
#include "data/pnm.h"
#include "data/tga.h"
#include "data/tiff.h"
#include "data/webp.h"

namespace cnn {
namespace {

using namespace std::string_view_literals;

/// Describes a file that is not an image we can read.
std::string stranger(std::string_view content) {
  struct Known {
    std::size_t at;
    std::string_view bytes;
    const char* what;
  };
  static constexpr std::array<Known, 16> kKnown{{
      {4, "ftyp"sv, "is a video"},
      {4, "jP  "sv, "is a JPEG 2000 image"},
      {0, "\xFF\x4F\xFF\x51"sv, "is a JPEG 2000 image"},
      {0, "\xFF\x0A"sv, "is a JPEG XL image"},
      {4, "JXL "sv, "is a JPEG XL image"},
      {0, "8BPS"sv, "is a Photoshop image"},
      {0, "P7"sv, "is a PAM image"},
      {0, "Pf"sv, "is a PFM image"},
      {0, "PF"sv, "is a PFM image"},
      {0, "\x76\x2F\x31\x01"sv, "is an OpenEXR image"},
      {0, "qoif"sv, "is a QOI image"},
      {0, "\0\0\1\0"sv, "is an icon"},
      {0, "%PDF"sv, "is a PDF document"},
      {0, "PK\3\4"sv, "is a zip archive"},
      {0, "\x1F\x8B"sv, "is a gzip archive"},
      {0, "<svg"sv, "is an SVG drawing"},
  }};
  for (const Known& known : kKnown)
    if (content.substr(std::min(known.at, content.size())).starts_with(known.bytes))
      return fmt::format("{}, which cannot be read; convert it to PNG or JPEG", known.what);
  if (content.substr(std::min<std::size_t>(12, content.size())).starts_with("IHDR"))
    return "is a PNG whose first bytes are damaged; it may have been copied as if it were text";
  if (content.starts_with("version https://git-lfs"))
    return "is a placeholder of Git LFS, not the image itself; run \"git lfs pull\"";
  const std::string_view start = content.substr(0, 64);
  const bool text = std::all_of(start.begin(), start.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 || (c >= '\t' && c <= '\r');
  });
  if (text) {
    std::string lower(start);
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    const bool drawing = content.substr(0, 4096).find("<svg") != std::string_view::npos;
    if (lower.starts_with("<?xml") && drawing)
      return "is an SVG drawing, which cannot be read; convert it to PNG or JPEG";
    if (lower.find("<html") != std::string::npos || lower.find("<!doctype") != std::string::npos)
      return "is a web page, not an image; the download may have failed";
    return fmt::format("is text, not an image: \"{}\"",
                       printable(start.substr(0, start.find_first_of("\r\n"))));
  }
  std::string bytes;
  for (const char c : content.substr(0, 8)) bytes += fmt::format(" {:02x}", static_cast<unsigned char>(c));
  return fmt::format("is not an image of a known kind: it starts with{}", bytes);
}

bool ends_with_tga(std::string_view name) {
  if (name.size() < 4) return false;
  std::string ending(name.substr(name.size() - 4));
  for (char& c : ending) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return ending == ".tga";
}

bool is_tiff(std::string_view content) {
  return content.starts_with("II*\0"sv) || content.starts_with("MM\0*"sv) || content.starts_with("II+\0"sv) ||
         content.starts_with("MM\0+"sv);
}

/// The image as its decoder gives it.
Decoded decode_any(std::string_view content, std::string_view name, const DecodeLimits& limits,
                   const ImageSpec* target) {
  if (content.empty()) return {{}, "is empty (0 bytes)"};
  const CpuDeadline deadline(limits.seconds);
  constexpr std::size_t kMostBytes = std::size_t{1} << 30;
  if (content.size() > kMostBytes)
    return {{}, fmt::format("is too large: {}", human_bytes(static_cast<std::int64_t>(content.size())))};
  if (content.starts_with("\x89PNG\r\n\x1A\n")) return decode_png(content, limits, deadline);
  if (content.starts_with("\xFF\xD8")) return decode_jpeg(content, limits, deadline, target);
  if (content.starts_with("GIF87a") || content.starts_with("GIF89a"))
    return decode_gif(content, limits, deadline);
  if (content.starts_with("BM") || (content.starts_with("BA") && content.substr(0, 16).ends_with("BM")))
    return decode_bmp(content, limits);
  if (content.size() > 2 && content[0] == 'P' && content[1] >= '1' && content[1] <= '6' &&
      (content[2] == '#' || content[2] == ' ' || (content[2] >= '\t' && content[2] <= '\r')))
    return decode_pnm(content, limits);
  if (content.starts_with("RIFF") &&
      content.substr(std::min<std::size_t>(8, content.size())).starts_with("WEBP"))
    return decode_webp(content, limits, deadline);
  if (is_tiff(content)) return decode_tiff(content, limits, deadline);
  if (const char* kind = heif_kind(content)) return decode_heif(content, kind, limits, deadline);
  if (ends_with_tga(name)) return decode_tga(content, limits);
  return {{}, stranger(content)};
}

}  // namespace

std::vector<std::string> readable_formats() {
  std::vector<std::string> formats{"PNG", "JPEG", "BMP", "GIF", "PNM", "TGA"};
  if (reads_webp()) formats.push_back("WebP");
  if (reads_tiff()) formats.push_back("TIFF");
  for (const char* format : heif_formats()) formats.push_back(format);
  return formats;
}

Decoded decode_image(std::string_view content, std::string_view name, const DecodeLimits& limits,
                     const ImageSpec* target) {
  Decoded decoded = decode_any(content, name, limits, target);
  if (decoded.fault.empty()) finish_image(decoded.image, target);
  return decoded;
}

}  // namespace cnn
