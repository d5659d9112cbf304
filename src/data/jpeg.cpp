#include "data/jpeg.h"

// jpeglib.h needs FILE and size_t, jerror.h what jpeglib.h defines.
// clang-format off
#include <cstddef>
#include <cstdio>
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include <algorithm>
#include <array>
#include <csetjmp>
#include <vector>

#include "core/error.h"
#include "data/image_fitter.h"
#include "data/image_size.h"
#include "data/orientation.h"
#include "data/pixel_budget.h"
#include "data/structure_parts.h"
#include "data/upright_image.h"

#ifndef LIBJPEG_TURBO_VERSION
#error "The JPEG library is not libjpeg-turbo. Its pixels would differ from those of other machines."
#endif

namespace cnn {
namespace {

/// What ended the decoding.
enum class JpegStop { none, corrupt, ends_early, error, too_slow, too_many_scans };

/// libjpeg-turbo without its exit() and without its messages on the terminal. The library leaves its
/// functions by longjmp, which must not jump over destructors: guarded() is given calls of the library and
/// nothing else.
class JpegLibrary {
 public:
  explicit JpegLibrary(const CpuDeadline& deadline) : deadline_(deadline) {
    info.err = jpeg_std_error(&errors_);
    info.client_data = this;
    errors_.error_exit = [](j_common_ptr common) { of(common).stop_with_message(JpegStop::error); };
    errors_.emit_message = [](j_common_ptr common, int level) {
      if (level < 0) of(common).judge_warning();
    };
    errors_.output_message = [](j_common_ptr) {};
    progress_.progress_monitor = [](j_common_ptr common) { of(common).look_at_the_clock(); };
  }
  ~JpegLibrary() { jpeg_destroy_decompress(&info); }
  JpegLibrary(const JpegLibrary&) = delete;
  JpegLibrary& operator=(const JpegLibrary&) = delete;

  /// False if the library stopped: stopped() says why.
  template <class Calls>
  bool guarded(Calls calls) {
    if (setjmp(jump_) != 0) return false;
    calls();
    return true;
  }

  /// Reads up to the first scan.
  bool read_header(std::string_view content) {
    return guarded([&] {
      jpeg_create_decompress(&info);
      info.progress = &progress_;
      jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(content.data()), content.size());
      jpeg_save_markers(&info, JPEG_APP0 + 1, 0xFFFF);  // EXIF and XMP
      jpeg_read_header(&info, TRUE);
    });
  }

  Decoded stopped() const {
    const std::string_view message(message_.data());
    switch (stop_) {
      case JpegStop::corrupt:
        return {{}, fmt::format("is damaged: JPEG decoder says \"{}\"", message)};
      case JpegStop::ends_early:
        return {{}, fmt::format("ends early: JPEG decoder says \"{}\"", message)};
      case JpegStop::too_slow:
        return {{}, deadline_.fault()};
      case JpegStop::too_many_scans:
        return {{}, fmt::format("is a JPEG with more than {} scans", kMostScans)};
      case JpegStop::error:
        break;
      case JpegStop::none:
        CNN_CHECK(false, "the JPEG decoder has not stopped");
    }
    if (errors_.msg_code == JERR_OUT_OF_MEMORY) return {{}, "needs more memory to decode than there is"};
    return {
        {},
        fmt::format("is damaged or of a rare kind that cannot be read: JPEG decoder says \"{}\"", message)};
  }

  jpeg_decompress_struct info{};

 private:
  static constexpr int kMostScans = 256;  // an honest progressive file has about ten; each costs a whole pass

  static JpegLibrary& of(j_common_ptr common) { return *static_cast<JpegLibrary*>(common->client_data); }

  [[noreturn]] void stop(JpegStop why) {
    stop_ = why;
    std::longjmp(jump_, 1);
  }
  [[noreturn]] void stop_with_message(JpegStop why) {
    errors_.format_message(reinterpret_cast<j_common_ptr>(&info), message_.data());
    stop(why);
  }

  /// The library would go on and invent the pixels that are not there. Other warnings, of unknown versions or
  /// unusual scans, cost no pixel.
  void judge_warning() {
    switch (errors_.msg_code) {
      case JWRN_JPEG_EOF:
      case JWRN_HIT_MARKER:
        stop_with_message(JpegStop::ends_early);
      case JWRN_ARITH_BAD_CODE:
      case JWRN_EXTRANEOUS_DATA:
      case JWRN_BOGUS_PROGRESSION:  // a scan is missing
      case JWRN_HUFF_BAD_CODE:
      case JWRN_MUST_RESYNC:
        stop_with_message(JpegStop::corrupt);
      default:
        break;
    }
  }

  void look_at_the_clock() {
    if (deadline_.passed()) stop(JpegStop::too_slow);
    if (info.input_scan_number > kMostScans) stop(JpegStop::too_many_scans);
  }

  const CpuDeadline& deadline_;
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf jump_;
  JpegStop stop_ = JpegStop::none;
  std::array<char, JMSG_LENGTH_MAX> message_{};
};

int stored_orientation(const jpeg_decompress_struct& info) {
  constexpr std::string_view kExif("Exif\0\0", 6), kXmp("http://ns.adobe.com/xap/1.0/\0", 29);
  std::string_view exif, xmp;
  for (const jpeg_marker_struct* marker = info.marker_list; marker; marker = marker->next) {
    const std::string_view data(reinterpret_cast<const char*>(marker->data), marker->data_length);
    if (exif.empty() && data.starts_with(kExif)) exif = data.substr(kExif.size());
    if (xmp.empty() && data.starts_with(kXmp)) xmp = data.substr(kXmp.size());
  }
  return orientation_of(exif, xmp);
}

/// "" or why an image with this header is not decoded.
std::string header_fault(const jpeg_decompress_struct& info, std::size_t bytes, const DecodeLimits& limits) {
  if (info.data_precision != 8)
    return fmt::format("is a JPEG with {} bits, only 8 can be read; convert it", info.data_precision);
  if (info.num_components == 2 || info.num_components > 4)
    return fmt::format("is a JPEG with {} color components; 1, 3 and 4 can be read", info.num_components);
  FileStructure size;
  size.height = info.image_height, size.width = info.image_width;
  if (std::string fault = image_size_fault(size.height, size.width, limits); !fault.empty()) return fault;
  constexpr std::int64_t kMostPixels =
      512;  // a byte has a bit for each 8x8 block; arithmetic codes need less
  return info.arith_code ? "" : bomb_fault(size, bytes, kMostPixels);
}

/// The library makes its blocks of 8x8 pixels into 8x8 (1), 4x4 (2), 2x2 (4) or one pixel (8) for a fraction
/// of the time. What comes out stays at least four times as large as the target, for the resizing to smooth
/// it. Measured on three photos of 3024x3024, made into 32 to 224 pixels: no value is more than two grey
/// levels away from what the whole image gives, the mean is 0.1. With twice as large it is seven levels.
int reduction_factor(const jpeg_decompress_struct& info, int orientation, const ImageSpec* target) {
  constexpr std::int64_t kAtLeast = 4;
  if (!target || !target->scaled_decoding || target->resize == Resize::none) return 1;
  const Upright whole(orientation, static_cast<int>(info.image_height), static_cast<int>(info.image_width));
  const FittedExtent fitted = fitted_extent(*target, whole.height, whole.width);
  int factor = 8;
  while (factor > 1 &&
         (whole.height < kAtLeast * factor * fitted.height || whole.width < kAtLeast * factor * fitted.width))
    factor /= 2;
  return factor;
}

/// a * b / 255, rounded.
int share_of_255(int a, int b) {
  const int product = a * b + 128;
  return (product + (product >> 8)) >> 8;
}

/// Four inks as Adobe stores them, 255 for none, to RGB; in place. Ink and black take away light.
void mix_inks(std::uint8_t* row, std::int64_t pixels) {
  const std::uint8_t* inks = row;
  for (std::int64_t i = 0; i < pixels; ++i, inks += 4) {
    const int light = inks[3];
    for (int c = 0; c < 3; ++c)
      *row++ = static_cast<std::uint8_t>(light - share_of_255(255 - inks[c], light));
  }
}

/// Whether a progressive image ends before its values are exact, or a component has none at all: the file was
/// cut between two scans.
bool lacks_scans(const jpeg_decompress_struct& info) {
  if (!info.coef_bits) return false;
  for (int c = 0; c < info.num_components; ++c) {
    const int* bits = info.coef_bits[c];
    if (bits[0] != 0 || std::any_of(bits + 1, bits + DCTSIZE2, [](int missing) { return missing > 0; }))
      return true;
  }
  return false;
}

}  // namespace

Decoded decode_jpeg(std::string_view content, const DecodeLimits& limits, const CpuDeadline& deadline,
                    const ImageSpec* target) {
  JpegLibrary jpeg(deadline);
  jpeg_decompress_struct& info = jpeg.info;
  if (!jpeg.read_header(content)) return jpeg.stopped();
  if (std::string fault = header_fault(info, content.size(), limits); !fault.empty()) return {{}, fault};
  const bool inks = info.num_components == 4;
  info.out_color_space = inks ? JCS_CMYK : info.num_components == 3 ? JCS_RGB : JCS_GRAYSCALE;
  info.do_block_smoothing = FALSE;  // versions of the library differ in it
  const int orientation = stored_orientation(info);
  const int factor = reduction_factor(info, orientation, target);
  info.scale_num = 1, info.scale_denom = static_cast<unsigned>(factor);

  const PixelBudget budget(std::int64_t{info.image_height} * info.image_width);
  if (!jpeg.guarded([&] { jpeg_start_decompress(&info); })) return jpeg.stopped();
  if (lacks_scans(info)) return {{}, "ends early: some of its scans are missing"};
  const int height = static_cast<int>(info.output_height), width = static_cast<int>(info.output_width);
  UprightImage image(inks ? 3 : info.num_components, height, width, orientation);
  if (factor > 1)
    image.is_reduced(factor, static_cast<int>(info.image_height), static_cast<int>(info.image_width));
  constexpr int kRows = 16;  // of a strip
  const std::size_t row_bytes =
      static_cast<std::size_t>(width) * static_cast<std::size_t>(info.output_components);
  std::vector<JSAMPLE> rows(kRows * row_bytes);
  for (int first = 0; first < height; first += kRows) {
    const int count = std::min(kRows, height - first);
    const bool read = jpeg.guarded([&] {
      for (int y = 0; y < count;) {
        JSAMPROW row = rows.data() + static_cast<std::size_t>(y) * row_bytes;
        y += static_cast<int>(jpeg_read_scanlines(&info, &row, 1));
      }
    });
    if (!read) return jpeg.stopped();
    if (inks) mix_inks(rows.data(), count * width);
    image.put(rows.data(), first, count);
  }
  if (!jpeg.guarded([&] { jpeg_finish_decompress(&info); })) return jpeg.stopped();
  return {image.take(), ""};
}

}  // namespace cnn
