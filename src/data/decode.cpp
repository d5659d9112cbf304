#include "data/decode.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>

#include "core/error.h"
#include "core/text.h"
#include "data/cpu_deadline.h"
#include "data/file_structure.h"
#include "data/orientation.h"
#include "data/pnm.h"

/// Twice as many values in a row, each 3/4 the nearer and 1/4 the farther of its neighbors, rounded as
/// libjpeg does: chroma that is stored at half the width. It takes the place of stb_image's own, which
/// mistakes the last value's neighbors for each other and gives the last column but one of a JPEG a wrong
/// color.
static unsigned char* stbi__resample_row_h_2(unsigned char* out, unsigned char* in, unsigned char*, int width,
                                             int) {
  for (int i = 0; i < width; ++i) {
    const int left = in[std::max(i - 1, 0)], right = in[std::min(i + 1, width - 1)];
    out[2 * i] = static_cast<unsigned char>((3 * in[i] + left + 1) / 4);
    out[2 * i + 1] = static_cast<unsigned char>((3 * in[i] + right + 2) / 4);
  }
  return out;
}
// stb_image's definition has a parenthesis behind the name and is renamed by this; where the function is used
// there is none, and ours is found.
#define stbi__resample_row_h_2(...) stbi_resample_row_h_2_of_stb [[maybe_unused]] (__VA_ARGS__)

// The only user of stb_image. Memory comes zeroed: where a damaged file leaves pixels undefined, they are the
// same on every run.
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_NO_PIC
#define STBI_NO_PNM
#define STBI_NO_PSD
#define STBI_MAX_DIMENSIONS 65535
#define STBI_MALLOC(size) std::calloc(1, size)
#define STBI_REALLOC(memory, size) std::realloc(memory, size)
#define STBI_FREE(memory) std::free(memory)
#define STBI_ASSERT(condition) CNN_DEBUG_CHECK(condition, "in stb_image")
#include <stb_image.h>

namespace cnn {
namespace {

using namespace std::string_view_literals;

/// Pixels that are being decoded at the same time, by all threads: as many small images as there are
/// threads, but only one very large one, whose decoder needs up to 20 bytes a pixel.
class PixelBudget {
 public:
  explicit PixelBudget(std::int64_t pixels) : pixels_(pixels) {
    std::unique_lock lock(mutex_);
    freed_.wait(lock, [&] { return in_use_ == 0 || in_use_ + pixels_ <= kAtOnce; });
    in_use_ += pixels_;
  }
  ~PixelBudget() {
    const std::lock_guard lock(mutex_);
    in_use_ -= pixels_;
    freed_.notify_all();
  }
  PixelBudget(const PixelBudget&) = delete;
  PixelBudget& operator=(const PixelBudget&) = delete;

 private:
  static constexpr std::int64_t kAtOnce = 64'000'000;
  static inline std::mutex mutex_;
  static inline std::condition_variable freed_;
  static inline std::int64_t in_use_ = 0;
  std::int64_t pixels_;
};

/// A file that remembers whether the decoder asked for more than it holds. It ends at the deadline, which
/// stops the decoder.
struct Source {
  std::string_view content;
  const CpuDeadline& deadline;
  std::size_t at = 0;
  bool overrun = false, too_slow = false;
  int reads = 0;

  static int read(void* user, char* to, int wanted) {
    auto& self = *static_cast<Source*>(user);
    constexpr int kReadsBetweenLooks = 16;  // the decoder reads 128 bytes at a time
    if (self.reads++ % kReadsBetweenLooks == 0 && self.deadline.passed()) self.too_slow = true;
    if (self.too_slow) return 0;
    const std::size_t got = std::min(static_cast<std::size_t>(wanted), self.content.size() - self.at);
    if (got == 0) self.overrun = true;
    std::memcpy(to, self.content.data() + self.at, got);
    self.at += got;
    return static_cast<int>(got);
  }
  static void skip(void* user, int bytes) {
    auto& self = *static_cast<Source*>(user);
    const std::int64_t to = static_cast<std::int64_t>(self.at) + bytes;
    if (to < 0 || to > static_cast<std::int64_t>(self.content.size())) self.overrun = true;
    self.at = static_cast<std::size_t>(
        std::clamp<std::int64_t>(to, 0, static_cast<std::int64_t>(self.content.size())));
  }
  static int eof(void* user) {
    const auto& self = *static_cast<Source*>(user);
    return self.too_slow || self.at == self.content.size();
  }
};

/// Interleaved pixels as they come out of a decoder, upright and in planes. Alpha is left out.
Image upright_planes(const stbi_uc* stored, int components, int height, int width, int orientation) {
  const int channels = components >= 3 ? 3 : 1;
  const Upright upright(orientation, height, width);
  Image image{channels, upright.height, upright.width, {}};
  const std::int64_t plane = std::int64_t{height} * width;
  image.pixels.resize(static_cast<std::size_t>(plane * channels));
  constexpr int kTile = 64;  // a sideways image is written column by column: stay within a few cache lines
  for (int top = 0; top < height; top += kTile)
    for (int left = 0; left < width; left += kTile)
      for (int y = top; y < std::min(height, top + kTile); ++y) {
        const int end = std::min(width, left + kTile);
        const stbi_uc* from = stored + (std::int64_t{y} * width + left) * components;
        std::uint8_t* to = image.pixels.data() + upright.origin + y * upright.step_y + left * upright.step_x;
        for (int x = left; x < end; ++x, from += components, to += upright.step_x)
          for (int c = 0; c < channels; ++c) to[c * plane] = from[c];
      }
  return image;
}

enum class FileKind { png, jpeg, bmp, gif, tga };

/// `content`: what the decoder sees.
Decoded decode_with_stb(std::string_view content, FileKind kind, const FileStructure& structure,
                        const CpuDeadline& deadline) {
  constexpr std::array<const char*, 5> kNames{"PNG", "JPEG", "BMP", "GIF", "TGA"};
  const PixelBudget budget(structure.height * structure.width);
  int width = 0, height = 0, components = 0;
  Source source{content, deadline};
  const stbi_io_callbacks callbacks{Source::read, Source::skip, Source::eof};
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
      stbi_load_from_callbacks(&callbacks, &source, &width, &height, &components, 0), stbi_image_free);
  if (source.too_slow) return {{}, deadline.fault()};
  // The structure of the others has told already that the pixels are there.
  if (source.overrun && (kind == FileKind::gif || kind == FileKind::tga))
    return {{},
            fmt::format("is truncated: the {} file ends before the image does",
                        kNames[static_cast<std::size_t>(kind)])};
  if (!pixels) {
    const std::string_view reason = stbi_failure_reason() ? stbi_failure_reason() : "unknown";
    if (reason == "outofmem") return {{}, "needs more memory to decode than there is"};
    return {{},
            fmt::format("is damaged or of a rare kind that cannot be read: {} decoder says \"{}\"",
                        kNames[static_cast<std::size_t>(kind)], reason)};
  }
  if (width != structure.width || height != structure.height)
    return {{},
            fmt::format("is damaged: it holds two sizes, {}x{} and {}x{}", structure.width, structure.height,
                        width, height)};
  // A GIF always comes with four components. Grey images would become color ones, which costs nothing but
  // time: conversion to grey gives the same values back.
  return {upright_planes(pixels.get(), components, height, width, structure.orientation), ""};
}

/// Describes a file that is not an image we can read.
std::string stranger(std::string_view content) {
  struct Known {
    std::size_t at;
    std::string_view bytes;
    const char* what;
  };
  static constexpr std::array<Known, 24> kKnown{{
      {8, "WEBP"sv, "is a WebP image"},
      {0, "II*\0"sv, "is a TIFF image"},
      {0, "MM\0*"sv, "is a TIFF image"},
      {0, "II+\0"sv, "is a TIFF image"},
      {4, "ftypavif"sv, "is an AVIF image"},
      {4, "ftypavis"sv, "is an AVIF image"},
      {4, "ftyphei"sv, "is a HEIC image"},
      {4, "ftypmif1"sv, "is a HEIC image"},
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
    if (lower.find("<html") != std::string::npos || lower.find("<!doctype") != std::string::npos)
      return "is a web page, not an image; the download may have failed";
    return fmt::format("is text, not an image: \"{}\"",
                       printable(start.substr(0, start.find_first_of("\r\n"))));
  }
  std::string bytes;
  for (const char c : content.substr(0, 8)) bytes += fmt::format(" {:02x}", static_cast<unsigned char>(c));
  return fmt::format("is not a PNG, JPEG, BMP, GIF, PNM or TGA image: it starts with{}", bytes);
}

bool ends_with_tga(std::string_view name) {
  if (name.size() < 4) return false;
  std::string ending(name.substr(name.size() - 4));
  for (char& c : ending) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return ending == ".tga";
}

}  // namespace

Decoded decode_image(std::string_view content, std::string_view name, const DecodeLimits& limits) {
  if (content.empty()) return {{}, "is empty (0 bytes)"};
  const CpuDeadline deadline(limits.seconds);
  constexpr std::size_t kMostBytes = std::size_t{1} << 30;
  if (content.size() > kMostBytes)
    return {{}, fmt::format("is too large: {}", human_bytes(static_cast<std::int64_t>(content.size())))};
  const auto finish = [&](FileKind kind, const FileStructure& structure) -> Decoded {
    if (!structure.fault.empty()) return {{}, structure.fault};
    return decode_with_stb(structure.patched.empty() ? content : structure.patched, kind, structure,
                           deadline);
  };
  if (content.starts_with("\x89PNG\r\n\x1A\n"))
    return finish(FileKind::png, examine_png(content, limits, deadline));
  if (content.starts_with("\xFF\xD8")) return finish(FileKind::jpeg, examine_jpeg(content, limits));
  if (content.starts_with("GIF87a") || content.starts_with("GIF89a"))
    return finish(FileKind::gif, examine_gif(content, limits));
  if (content.starts_with("BM")) return finish(FileKind::bmp, examine_bmp(content, limits));
  if (content.size() > 2 && content[0] == 'P' && content[1] >= '1' && content[1] <= '6' &&
      (content[2] == '#' || content[2] == ' ' || (content[2] >= '\t' && content[2] <= '\r')))
    return decode_pnm(content, limits);
  if (ends_with_tga(name)) return finish(FileKind::tga, examine_tga(content, limits));
  return {{}, stranger(content)};
}

}  // namespace cnn
