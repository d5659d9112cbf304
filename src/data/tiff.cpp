#include "data/tiff.h"

#ifdef CNN_HAS_TIFF
#include <tiffio.h>
#endif

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "core/error.h"
#include "data/image_size.h"
#include "data/pixel_budget.h"
#include "data/upright_image.h"

namespace cnn {

#ifdef CNN_HAS_TIFF

namespace {

/// The file in memory, as libtiff reads it, and the library's first complaint, which it would print
/// otherwise.
struct TiffMemory {
  std::string_view content;
  std::size_t at = 0;
  std::array<char, 256> message{};

  static tmsize_t read(thandle_t handle, void* to, tmsize_t wanted) {
    auto& self = *static_cast<TiffMemory*>(handle);
    const std::size_t got = std::min(static_cast<std::size_t>(wanted), self.content.size() - self.at);
    std::memcpy(to, self.content.data() + self.at, got);
    self.at += got;
    return static_cast<tmsize_t>(got);
  }
  static toff_t seek(thandle_t handle, toff_t offset, int whence) {
    auto& self = *static_cast<TiffMemory*>(handle);
    const std::size_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? self.at : self.content.size();
    self.at = std::min(from + static_cast<std::size_t>(offset), self.content.size());
    return self.at;
  }
  static int complain(TIFF*, void* user, const char*, const char* format, va_list arguments) {
    auto& self = *static_cast<TiffMemory*>(user);
    if (self.message[0] == 0) std::vsnprintf(self.message.data(), self.message.size(), format, arguments);
    return 1;
  }
  /// Decoders of JPEG and fax warn of pixels that they have invented; other warnings are about tags.
  static int judge_warning(TIFF* file, void* user, const char* module, const char* format,
                           va_list arguments) {
    const std::string_view from = module ? module : "";
    if (from.starts_with("JPEG") || from.starts_with("Fax"))
      return complain(file, user, module, format, arguments);
    return 1;
  }
};

struct TiffCloser {
  void operator()(TIFF* file) const { TIFFClose(file); }
};
using TiffFile = std::unique_ptr<TIFF, TiffCloser>;

TiffFile open(TiffMemory& memory, std::int64_t most_bytes) {
  const std::unique_ptr<TIFFOpenOptions, void (*)(TIFFOpenOptions*)> options(TIFFOpenOptionsAlloc(),
                                                                             TIFFOpenOptionsFree);
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), most_bytes);
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), TiffMemory::complain, &memory);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), TiffMemory::judge_warning, &memory);
  return TiffFile(TIFFClientOpenExt(
      "TIFF", "rm", &memory, TiffMemory::read, [](thandle_t, void*, tmsize_t) -> tmsize_t { return 0; },
      TiffMemory::seek, [](thandle_t) { return 0; },
      [](thandle_t handle) -> toff_t { return static_cast<TiffMemory*>(handle)->content.size(); }, nullptr,
      nullptr, options.get()));
}

struct TiffPage {
  std::uint32_t width = 0, height = 0, tile_width = 0, tile_height = 0;
  std::uint16_t bits = 1, samples = 1, photometric = PHOTOMETRIC_MINISWHITE, orientation = 1, format = 1;
  bool tiled = false, separate = false;
  bool alpha = false, premultiplied = false;  ///< in the sample behind the color

  int channels() const {
    return photometric == PHOTOMETRIC_MINISBLACK || photometric == PHOTOMETRIC_MINISWHITE ? 1 : 3;
  }
  int components() const { return channels() + (alpha ? 1 : 0); }
  bool deep() const { return bits > 8; }
  /// Color spaces that libtiff itself makes into RGB of 8 bits.
  bool converted() const {
    return photometric == PHOTOMETRIC_SEPARATED || photometric == PHOTOMETRIC_YCBCR ||
           photometric == PHOTOMETRIC_CIELAB;
  }
  /// Samples of a pixel that lie side by side in a row of the file.
  std::uint32_t side_by_side() const { return separate ? 1 : samples; }
};

TiffPage read_page(TIFF* file) {
  TiffPage page;
  std::uint16_t planar = PLANARCONFIG_CONTIG, compression = 1;
  TIFFGetField(file, TIFFTAG_IMAGEWIDTH, &page.width);
  TIFFGetField(file, TIFFTAG_IMAGELENGTH, &page.height);
  TIFFGetFieldDefaulted(file, TIFFTAG_BITSPERSAMPLE, &page.bits);
  TIFFGetFieldDefaulted(file, TIFFTAG_SAMPLESPERPIXEL, &page.samples);
  TIFFGetFieldDefaulted(file, TIFFTAG_SAMPLEFORMAT, &page.format);
  TIFFGetFieldDefaulted(file, TIFFTAG_PLANARCONFIG, &planar);
  TIFFGetFieldDefaulted(file, TIFFTAG_COMPRESSION, &compression);
  TIFFGetField(file, TIFFTAG_PHOTOMETRIC, &page.photometric);
  TIFFGetField(file, TIFFTAG_ORIENTATION, &page.orientation);
  if (page.orientation < 1 || page.orientation > 8) page.orientation = 1;
  page.separate = planar == PLANARCONFIG_SEPARATE && page.samples > 1;
  if (page.photometric == PHOTOMETRIC_YCBCR && compression == COMPRESSION_JPEG) {
    TIFFSetField(file, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
    page.photometric = PHOTOMETRIC_RGB;
  }
  std::uint16_t extra = 0, *kinds = nullptr;
  if (TIFFGetField(file, TIFFTAG_EXTRASAMPLES, &extra, &kinds) && extra > 0 &&
      page.samples > page.channels() && page.photometric != PHOTOMETRIC_PALETTE && !page.converted()) {
    page.alpha = kinds[0] == EXTRASAMPLE_ASSOCALPHA || kinds[0] == EXTRASAMPLE_UNASSALPHA;
    page.premultiplied = kinds[0] == EXTRASAMPLE_ASSOCALPHA;
  }
  page.tiled = TIFFIsTiled(file);
  if (page.tiled) {
    TIFFGetField(file, TIFFTAG_TILEWIDTH, &page.tile_width);
    TIFFGetField(file, TIFFTAG_TILELENGTH, &page.tile_height);
  }
  return page;
}

/// "" or why a page like this is not decoded.
std::string page_fault(const TiffPage& page, const DecodeLimits& limits) {
  if (std::string fault = image_size_fault(page.height, page.width, limits); !fault.empty()) return fault;
  const bool known = page.photometric == PHOTOMETRIC_MINISBLACK ||
                     page.photometric == PHOTOMETRIC_MINISWHITE || page.photometric == PHOTOMETRIC_RGB ||
                     page.photometric == PHOTOMETRIC_PALETTE;
  if (!known && !page.converted())
    return fmt::format(
        "is a TIFF image in a color space (photometric {}) that cannot be read; convert it to RGB",
        page.photometric);
  const bool packed = page.bits == 1 || page.bits == 2 || page.bits == 4 || page.bits == 12;
  if (!page.converted() && (page.format != SAMPLEFORMAT_UINT ||
                            !(page.bits == 8 || page.bits == 16 || (packed && page.samples == 1))))
    return fmt::format(
        "is a TIFF image with {} bits a sample{}; whole numbers of 1, 2, 4, 8, 12 and 16 bits can be read",
        page.bits,
        page.format == SAMPLEFORMAT_IEEEFP ? " (floating point)"
        : page.format == SAMPLEFORMAT_INT  ? ", with signs"
                                           : "");
  const int least = page.photometric == PHOTOMETRIC_RGB ? 3 : 1;
  if (page.samples < least || page.samples > 16)
    return fmt::format("is a TIFF image with {} samples a pixel, which cannot be read", page.samples);
  if (page.photometric == PHOTOMETRIC_PALETTE && page.bits > 8)
    return "is a TIFF image with a palette of 16 bits, which cannot be read";
  constexpr std::uint32_t kLargestTile = 16384;
  if (page.tiled && (page.tile_width == 0 || page.tile_height == 0 || page.tile_width > kLargestTile ||
                     page.tile_height > kLargestTile))
    return fmt::format("is damaged: its tiles are {}x{} pixels", page.tile_width, page.tile_height);
  constexpr std::uint64_t kTilePixels = 1 << 22;
  if (page.tiled && std::uint64_t{page.tile_width} * page.tile_height >
                        std::max(kTilePixels, std::uint64_t{page.width} * page.height))
    return fmt::format("is a TIFF image of {}x{} pixels with tiles of {}x{}, which are too large for it",
                       page.width, page.height, page.tile_width, page.tile_height);
  return "";
}

/// Makes stored samples into grey or RGB, and alpha, of 8 or 16 bits.
class TiffColors {
 public:
  TiffColors(TIFF* file, const TiffPage& page) : page_(page) {
    std::array<std::uint16_t*, 3> table{};
    if (page.photometric == PHOTOMETRIC_PALETTE &&
        !TIFFGetField(file, TIFFTAG_COLORMAP, &table[0], &table[1], &table[2]))
      return;
    for (std::size_t c = 0; c < 3 && table[c]; ++c)
      palette_[c].assign(table[c], table[c] + (std::size_t{1} << page.bits));
    // Some writers fill the 16-bit table with bytes.
    for (const auto& values : palette_)
      for (const std::uint16_t value : values) bytes_ = bytes_ && value < 256;
  }
  bool complete() const { return page_.photometric != PHOTOMETRIC_PALETTE || !palette_[0].empty(); }

  /// One row of a plane. first: the component it belongs to; side_by_side samples are in it.
  template <class Value>
  void put(const std::uint8_t* stored, std::uint32_t pixels, std::uint32_t first, Value* to) const {
    const auto channels = static_cast<std::uint32_t>(page_.channels());
    const auto components = static_cast<std::uint32_t>(page_.components());
    const std::uint32_t apart = page_.side_by_side();
    const bool palette = page_.photometric == PHOTOMETRIC_PALETTE;
    for (std::uint32_t x = 0; x < pixels; ++x, to += components) {
      if (palette) {
        const std::uint32_t color = sample(stored, x * apart);
        for (std::size_t c = 0; c < 3; ++c)
          to[c] = static_cast<Value>(bytes_ ? palette_[c][color] : palette_[c][color] >> 8);
      } else {
        for (std::uint32_t c = 0; c < (page_.separate ? 1 : components); ++c)
          to[first + c] = value<Value>(sample(stored, x * apart + c), first + c < channels);
      }
    }
  }

 private:
  std::uint32_t sample(const std::uint8_t* stored, std::uint32_t i) const {
    if (page_.bits == 8) return stored[i];
    if (page_.bits == 16) {
      std::uint16_t value = 0;
      std::memcpy(&value, stored + 2 * std::size_t{i}, 2);
      return value;
    }
    const std::uint32_t bits = page_.bits, bit = i * bits;
    if (bits == 12) {
      const std::uint32_t pair = std::uint32_t{stored[bit / 8]} << 8 | stored[bit / 8 + 1];
      return bit % 8 == 0 ? pair >> 4 : pair & 0xFFF;
    }
    return stored[bit / 8] >> (8 - bits - bit % 8) & ((1u << bits) - 1);
  }
  template <class Value>
  Value value(std::uint32_t sample, bool color) const {
    constexpr std::uint32_t kWhite = std::numeric_limits<Value>::max();
    const std::uint32_t most = (1u << page_.bits) - 1;
    const std::uint32_t value = page_.bits == 16 ? sample : (sample * kWhite + most / 2) / most;
    return static_cast<Value>(color && page_.photometric == PHOTOMETRIC_MINISWHITE ? kWhite - value : value);
  }

  const TiffPage& page_;
  std::array<std::vector<std::uint16_t>, 3> palette_;
  bool bytes_ = true;
};

enum class TiffReading { done, failed, too_slow };

/// Planes that hold pixels.
std::uint32_t planes(const TiffPage& page) {
  return page.separate ? static_cast<std::uint32_t>(page.components()) : 1;
}

template <class Value>
TiffReading read_rows(TIFF* file, const TiffPage& page, const TiffColors& colors, UprightImage& image,
                      const CpuDeadline& deadline) {
  const auto components = static_cast<std::size_t>(page.components());
  std::vector<std::uint8_t> stored(static_cast<std::size_t>(TIFFScanlineSize64(file)));
  std::vector<Value> rows(std::size_t{page.width} * components * (page.separate ? page.height : 1));
  for (std::uint32_t plane = 0; plane < planes(page); ++plane)
    for (std::uint32_t y = 0; y < page.height; ++y) {
      if (y % 16 == 0 && deadline.passed()) return TiffReading::too_slow;
      if (TIFFReadScanline(file, stored.data(), y, static_cast<std::uint16_t>(plane)) != 1)
        return TiffReading::failed;
      Value* row = rows.data() + (page.separate ? y * std::size_t{page.width} * components : 0);
      colors.put(stored.data(), page.width, plane, row);
      if (plane + 1 == planes(page)) image.put(row, static_cast<int>(y), 1);
    }
  return TiffReading::done;
}

template <class Value>
TiffReading read_tiles(TIFF* file, const TiffPage& page, const TiffColors& colors, UprightImage& image,
                       const CpuDeadline& deadline) {
  const auto components = static_cast<std::size_t>(page.components());
  std::vector<std::uint8_t> stored(static_cast<std::size_t>(TIFFTileSize64(file)));
  std::vector<Value> rows(std::size_t{page.width} * components * std::min(page.tile_height, page.height));
  const auto row_bytes = static_cast<std::size_t>(TIFFTileRowSize64(file));
  for (std::uint32_t top = 0; top < page.height; top += page.tile_height) {
    const std::uint32_t count = std::min(page.tile_height, page.height - top);
    for (std::uint32_t left = 0; left < page.width; left += page.tile_width)
      for (std::uint32_t plane = 0; plane < planes(page); ++plane) {
        if (deadline.passed()) return TiffReading::too_slow;
        if (TIFFReadTile(file, stored.data(), left, top, 0, static_cast<std::uint16_t>(plane)) < 0)
          return TiffReading::failed;
        for (std::uint32_t y = 0; y < count; ++y)
          colors.put(stored.data() + y * row_bytes, std::min(page.tile_width, page.width - left), plane,
                     &rows[(std::size_t{y} * page.width + left) * components]);
      }
    image.put(rows.data(), static_cast<int>(top), static_cast<int>(count));
  }
  return TiffReading::done;
}

/// Through libtiff's own way to RGB.
TiffReading read_converted(TIFF* file, TiffMemory& memory, const TiffPage& page, UprightImage& image) {
  std::array<char, 1024> why{};
  TIFFRGBAImage converter;
  if (!TIFFRGBAImageOK(file, why.data()) || !TIFFRGBAImageBegin(&converter, file, 1, why.data())) {
    std::snprintf(memory.message.data(), memory.message.size(), "%.250s", why.data());
    return TiffReading::failed;
  }
  const std::unique_ptr<TIFFRGBAImage, void (*)(TIFFRGBAImage*)> ended(&converter, TIFFRGBAImageEnd);
  converter.req_orientation = converter.orientation = ORIENTATION_TOPLEFT;  // UprightImage turns it
  std::vector<std::uint32_t> raster(std::size_t{page.width} * page.height);
  if (!TIFFRGBAImageGet(&converter, raster.data(), page.width, page.height)) return TiffReading::failed;
  std::vector<std::uint8_t> rows;
  for (const std::uint32_t pixel : raster)
    for (const std::uint32_t value : {TIFFGetR(pixel), TIFFGetG(pixel), TIFFGetB(pixel)})
      rows.push_back(static_cast<std::uint8_t>(value));
  image.put(rows.data(), 0, static_cast<int>(page.height));
  return TiffReading::done;
}

template <class Value>
TiffReading read_pixels(TIFF* file, const TiffPage& page, const TiffColors& colors, UprightImage& image,
                        const CpuDeadline& deadline) {
  return page.tiled ? read_tiles<Value>(file, page, colors, image, deadline)
                    : read_rows<Value>(file, page, colors, image, deadline);
}

}  // namespace

bool reads_tiff() { return true; }

Decoded decode_tiff(std::string_view content, const DecodeLimits& limits, const CpuDeadline& deadline) {
  TiffMemory memory{content};
  const auto damaged = [&]() -> Decoded {
    return {{},
            fmt::format("is a TIFF image that is damaged or of a rare kind: libtiff says \"{}\"",
                        memory.message[0] ? memory.message.data() : "unknown error")};
  };
  const TiffFile file = open(memory, std::int64_t{limits.pixels} * 8 + (1 << 20));
  if (!file) return damaged();
  const TiffPage page = read_page(file.get());
  if (std::string fault = page_fault(page, limits); !fault.empty()) return {{}, fault};
  memory.message[0] = 0;  // from here on: about pixels
  const TiffColors colors(file.get(), page);
  if (!colors.complete()) return {{}, "is damaged: the TIFF's palette is missing"};
  const PixelBudget budget(std::int64_t{page.height} * page.width);
  UprightImage image(page.components(), static_cast<int>(page.height), static_cast<int>(page.width),
                     page.orientation);
  const TiffReading reading = page.converted() ? read_converted(file.get(), memory, page, image)
                              : page.deep()
                                  ? read_pixels<std::uint16_t>(file.get(), page, colors, image, deadline)
                                  : read_pixels<std::uint8_t>(file.get(), page, colors, image, deadline);
  if (reading == TiffReading::too_slow) return {{}, deadline.fault()};
  if (reading == TiffReading::failed || memory.message[0]) return damaged();
  Image taken = image.take();
  taken.premultiplied = page.premultiplied;
  return {std::move(taken), ""};
}

#else

bool reads_tiff() { return false; }

Decoded decode_tiff(std::string_view, const DecodeLimits&, const CpuDeadline&) {
  return {{},
          "is a TIFF image, which this build cannot read; install libtiff-dev and build again, or convert it "
          "to PNG or JPEG"};
}

#endif

}  // namespace cnn
