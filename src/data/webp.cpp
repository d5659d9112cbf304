#include "data/webp.h"

#ifdef CNN_HAS_WEBP
#include <webp/decode.h>
#include <webp/demux.h>
#endif

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "core/error.h"
#include "data/image_size.h"
#include "data/orientation.h"
#include "data/pixel_budget.h"
#include "data/upright_image.h"

namespace cnn {

#ifdef CNN_HAS_WEBP

namespace {

Decoded damaged(const char* why) {
  return {{}, fmt::format("is a WebP image that is damaged or truncated: {}", why)};
}

const std::uint8_t* bytes_of(std::string_view content) {
  return reinterpret_cast<const std::uint8_t*>(content.data());
}

/// The data of the first chunk of this name, or nothing.
std::string_view chunk(const WebPDemuxer* file, const char* name) {
  WebPChunkIterator at;
  if (!WebPDemuxGetChunk(file, name, 1, &at)) return {};
  const std::string_view data(reinterpret_cast<const char*>(at.chunk.bytes), at.chunk.size);
  WebPDemuxReleaseChunkIterator(&at);
  return data;
}

/// Decodes one frame into RGB or RGBA of its size, piece by piece, for the clock to be looked at. "" or the
/// fault.
std::string decode_frame(std::string_view data, int height, int width, int components, std::uint8_t* pixels,
                         const CpuDeadline& deadline) {
  const int stride = components * width;
  const std::unique_ptr<WebPIDecoder, void (*)(WebPIDecoder*)> decoder(
      WebPINewRGB(components == 4 ? MODE_RGBA : MODE_RGB, pixels,
                  static_cast<std::size_t>(stride) * static_cast<std::size_t>(height), stride),
      WebPIDelete);
  if (!decoder) return "needs more memory to decode than there is";
  constexpr std::size_t kPiece = 1 << 15;
  for (std::size_t given = 0; given < data.size();) {
    if (deadline.passed()) return deadline.fault();
    given = std::min(given + kPiece, data.size());
    const VP8StatusCode status = WebPIUpdate(decoder.get(), bytes_of(data), given);
    if (status == VP8_STATUS_OK) return "";
    if (status == VP8_STATUS_OUT_OF_MEMORY) return "needs more memory to decode than there is";
    if (status != VP8_STATUS_SUSPENDED) return damaged("its compressed data are broken").fault;
  }
  return damaged("its data end before the image does").fault;
}

}  // namespace

bool reads_webp() { return true; }

Decoded decode_webp(std::string_view content, const DecodeLimits& limits, const CpuDeadline& deadline) {
  const WebPData whole{bytes_of(content), content.size()};
  const std::unique_ptr<WebPDemuxer, void (*)(WebPDemuxer*)> file(WebPDemux(&whole), WebPDemuxDelete);
  if (!file) return damaged("its structure is broken");
  const auto width = static_cast<int>(WebPDemuxGetI(file.get(), WEBP_FF_CANVAS_WIDTH));
  const auto height = static_cast<int>(WebPDemuxGetI(file.get(), WEBP_FF_CANVAS_HEIGHT));
  if (std::string fault = image_size_fault(height, width, limits); !fault.empty()) return {{}, fault};
  WebPIterator frame;
  if (!WebPDemuxGetFrame(file.get(), 1, &frame)) return damaged("it has no frame");
  const std::unique_ptr<WebPIterator, void (*)(WebPIterator*)> owner(&frame, WebPDemuxReleaseIterator);
  if (!frame.complete) return damaged("its first frame is not complete");
  if (frame.x_offset + frame.width > width || frame.y_offset + frame.height > height)
    return damaged("its first frame is larger than the image");

  const PixelBudget budget(std::int64_t{height} * width);
  // What a smaller frame leaves open is transparent, too.
  const int components = frame.has_alpha || frame.width < width || frame.height < height ? 4 : 3;
  const std::size_t row_bytes = static_cast<std::size_t>(components) * static_cast<std::size_t>(frame.width);
  std::vector<std::uint8_t> pixels(row_bytes * static_cast<std::size_t>(frame.height));
  const std::string_view data(reinterpret_cast<const char*>(frame.fragment.bytes), frame.fragment.size);
  if (std::string fault = decode_frame(data, frame.height, frame.width, components, pixels.data(), deadline);
      !fault.empty())
    return {{}, fault};
  UprightImage image(components, height, width,
                     orientation_of(chunk(file.get(), "EXIF"), chunk(file.get(), "XMP ")));
  std::vector<std::uint8_t> row(static_cast<std::size_t>(components) * static_cast<std::size_t>(width));
  for (int y = 0; y < frame.height; ++y) {
    std::copy_n(pixels.data() + static_cast<std::size_t>(y) * row_bytes, row_bytes,
                &row[static_cast<std::size_t>(components * frame.x_offset)]);
    image.put(row.data(), frame.y_offset + y, 1);
  }
  return {image.take(), ""};
}

#else

bool reads_webp() { return false; }

Decoded decode_webp(std::string_view, const DecodeLimits&, const CpuDeadline&) {
  return {
      {},
      "is a WebP image, which this build cannot read; install libwebp-dev and build again, or convert it to "
      "PNG or JPEG"};
}

#endif

}  // namespace cnn
