#include "data/png.h"

#include <png.h>

#include <algorithm>
#include <array>
#include <bit>
#include <csetjmp>
#include <cstring>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/text.h"
#include "data/pixel_budget.h"
#include "data/png_structure.h"
#include "data/upright_image.h"

namespace cnn {
namespace {

/// What ended the decoding.
enum class PngStop { none, error, too_slow };

/// libpng on a file in memory, without messages on the terminal. The library leaves its functions by longjmp,
/// which must not jump over destructors: guarded() is given calls of the library and nothing else.
class PngLibrary {
 public:
  PngLibrary(std::string_view content, const CpuDeadline& deadline) : content_(content), deadline_(deadline) {
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, fail, warn);
    info = png ? png_create_info_struct(png) : nullptr;
  }
  ~PngLibrary() { png_destroy_read_struct(&png, &info, nullptr); }
  PngLibrary(const PngLibrary&) = delete;
  PngLibrary& operator=(const PngLibrary&) = delete;

  /// False if the library stopped: stopped() says why.
  template <class Calls>
  bool guarded(Calls calls) {
    if (setjmp(jump_) != 0) return false;
    calls();
    return true;
  }

  /// Reads up to the pixels, and asks for grey or RGB of 8 or 16 bits, with alpha where there is some.
  bool read_header() {
    return guarded([&] {
      png_set_read_fn(png, this, read);
      png_set_crc_action(png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);  // examine_png() has looked at them
      // Nothing but the chunks that make pixels: IHDR, PLTE, tRNS, IDAT and IEND.
      constexpr int kAllOthers = -1;
      png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, nullptr, kAllOthers);
      png_read_info(png, info);
      png_set_expand(png);
      if (std::endian::native == std::endian::little) png_set_swap(png);
      passes = png_set_interlace_handling(png);
      png_read_update_info(png, info);
    });
  }

  Decoded stopped() const {
    const std::string_view message(message_.data());
    if (stop_ == PngStop::too_slow) return {{}, deadline_.fault()};
    CNN_CHECK(stop_ == PngStop::error, "the PNG decoder has not stopped");
    if (message == "Out of memory" || message == "Insufficient memory")
      return {{}, "needs more memory to decode than there is"};
    if (message == "Not enough image data" || message == "Read Error")
      return {{}, "is truncated: its compressed data ends before the image does"};
    constexpr std::string_view kData = "IDAT: ";
    if (message.starts_with(kData))
      return {{},
              fmt::format("is damaged: its compressed data is broken ({})", message.substr(kData.size()))};
    return {
        {},
        fmt::format("is damaged or of a rare kind that cannot be read: PNG decoder says \"{}\"", message)};
  }

  png_structp png;
  png_infop info;
  int passes = 1;

 private:
  [[noreturn]] void stop(PngStop why, const char* message) {
    std::strncpy(message_.data(), message, message_.size() - 1);
    stop_ = why;
    std::longjmp(jump_, 1);
  }
  [[noreturn]] static void fail(png_structp png, png_const_charp message) {
    static_cast<PngLibrary*>(png_get_error_ptr(png))->stop(PngStop::error, message);
  }
  /// Of the warnings, those about the compressed data cost pixels, but for what follows the last one.
  static void warn(png_structp png, png_const_charp message) {
    const std::string_view text(message);
    if (text.starts_with("IDAT:") && text.find("Extra compressed data") == text.npos &&
        text.find("Too much image data") == text.npos)
      fail(png, message);
  }
  static void read(png_structp png, png_bytep to, std::size_t wanted) {
    auto& self = *static_cast<PngLibrary*>(png_get_io_ptr(png));
    if (self.deadline_.passed()) self.stop(PngStop::too_slow, "");
    if (wanted > self.content_.size() - self.at_) self.stop(PngStop::error, "Read Error");
    std::memcpy(to, self.content_.data() + self.at_, wanted);
    self.at_ += wanted;
  }

  const std::string_view content_;
  const CpuDeadline& deadline_;
  std::size_t at_ = 0;
  std::jmp_buf jump_;
  PngStop stop_ = PngStop::none;
  std::array<char, 256> message_{};
};

/// A row of a file of 16 bits is one of numbers in this machine's order.
void put_rows(UprightImage& image, const std::vector<std::uint16_t>& rows, bool deep, int first, int count) {
  if (deep)
    image.put(rows.data(), first, count);
  else
    image.put(reinterpret_cast<const std::uint8_t*>(rows.data()), first, count);
}

}  // namespace

Decoded decode_png(std::string_view content, const DecodeLimits& limits, const CpuDeadline& deadline) {
  const FileStructure structure = examine_png(content, limits);
  if (!structure.fault.empty()) return {{}, structure.fault};
  const PixelBudget budget(structure.height * structure.width);
  PngLibrary library(structure.patched.empty() ? content : structure.patched, deadline);
  if (!library.info) return {{}, "needs more memory to decode than there is"};
  if (!library.read_header()) return library.stopped();
  const int height = static_cast<int>(structure.height), width = static_cast<int>(structure.width);
  const bool deep = png_get_bit_depth(library.png, library.info) == 16;
  UprightImage image(png_get_channels(library.png, library.info), height, width, structure.orientation);
  const bool interlaced = library.passes > 1;
  const int strip = interlaced ? height : std::min(height, 16);
  const std::size_t row_bytes = png_get_rowbytes(library.png, library.info);
  std::vector<std::uint16_t> rows((static_cast<std::size_t>(strip) * row_bytes + 1) / 2);
  for (int first = 0; first < height; first += strip) {
    const int count = std::min(strip, height - first);
    const bool read = library.guarded([&] {
      for (int pass = 0; pass < library.passes; ++pass)
        for (int y = 0; y < count; ++y) {
          png_bytep row = reinterpret_cast<png_bytep>(rows.data()) + static_cast<std::size_t>(y) * row_bytes;
          png_read_row(library.png, row, nullptr);
        }
    });
    if (!read) return library.stopped();
    put_rows(image, rows, deep, first, count);
  }
  if (!library.guarded([&] { png_read_end(library.png, nullptr); })) return library.stopped();
  return {image.take(), ""};
}

}  // namespace cnn
