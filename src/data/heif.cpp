#include "data/heif.h"

#ifdef CNN_HAS_HEIF
#include <libheif/heif.h>
#endif

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>

#include "core/error.h"
#include "data/image_size.h"
#include "data/pixel_budget.h"
#include "data/upright_image.h"

namespace cnn {

const char* heif_kind(std::string_view content) {
  if (content.size() < 12 || content.substr(4, 4) != "ftyp") return nullptr;
  constexpr std::array<std::string_view, 2> kAvif{"avif", "avis"};
  constexpr std::array<std::string_view, 10> kHeic{"heic", "heix", "heim", "heis", "hevc",
                                                   "hevx", "hevm", "hevs", "mif1", "msf1"};
  const auto is_in = [&](const auto& brands, std::string_view brand) {
    return std::find(brands.begin(), brands.end(), brand) != brands.end();
  };
  const std::string_view brand = content.substr(8, 4);
  if (is_in(kAvif, brand)) return "AVIF";
  if (!is_in(kHeic, brand)) return nullptr;
  // The general brands do not say how the image is compressed, but the compatible ones behind them do.
  if (brand == "mif1" || brand == "msf1")
    for (std::size_t at = 16; at + 4 <= std::min<std::size_t>(content.size(), 64); at += 4)
      if (is_in(kAvif, content.substr(at, 4))) return "AVIF";
  return "HEIC";
}

#ifdef CNN_HAS_HEIF

std::vector<const char*> heif_formats() {
  std::vector<const char*> formats;
  if (heif_have_decoder_for_format(heif_compression_HEVC)) formats.push_back("HEIC");
  if (heif_have_decoder_for_format(heif_compression_AV1)) formats.push_back("AVIF");
  return formats;
}

Decoded decode_heif(std::string_view content, std::string_view kind, const DecodeLimits& limits,
                    const CpuDeadline& deadline) {
  const char* article = kind == "AVIF" ? "an" : "a";
  const auto damaged = [&](const heif_error& error) -> Decoded {
    return {{},
            fmt::format("is {} {} image that is damaged or cannot be decoded: libheif says \"{}\"", article,
                        kind, error.message ? error.message : "unknown error")};
  };
  const std::unique_ptr<heif_context, void (*)(heif_context*)> context(heif_context_alloc(),
                                                                       heif_context_free);
  if (!context) return {{}, "needs more memory to decode than there is"};
  heif_context_set_max_decoding_threads(context.get(), 0);  // this thread's time is counted
  heif_error error =
      heif_context_read_from_memory_without_copy(context.get(), content.data(), content.size(), nullptr);
  if (error.code != heif_error_Ok) return damaged(error);
  heif_image_handle* found = nullptr;
  error = heif_context_get_primary_image_handle(context.get(), &found);
  if (error.code != heif_error_Ok) return damaged(error);
  const std::unique_ptr<heif_image_handle, void (*)(const heif_image_handle*)> handle(
      found, heif_image_handle_release);
  const std::int64_t height = heif_image_handle_get_height(found), width = heif_image_handle_get_width(found);
  const std::int64_t coded_height = heif_image_handle_get_ispe_height(found);
  const std::int64_t coded_width = heif_image_handle_get_ispe_width(found);
  for (const auto& [h, w] : {std::pair(height, width), std::pair(coded_height, coded_width)})
    if (std::string fault = image_size_fault(h, w, limits); !fault.empty()) return {{}, fault};
  // The parts of an image may say sizes of their own, and memory is asked for by those.
  heif_context_set_maximum_image_size_limit(
      context.get(), static_cast<int>(std::max({height, width, coded_height, coded_width})) + 1);

  const PixelBudget budget(height * width);
  heif_image* decoded = nullptr;
  const bool alpha = heif_image_handle_has_alpha_channel(found);
  error = heif_decode_image(found, &decoded, heif_colorspace_RGB,
                            alpha ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB, nullptr);
  if (error.code != heif_error_Ok) return damaged(error);
  const std::unique_ptr<heif_image, void (*)(const heif_image*)> pixels(decoded, heif_image_release);
  if (deadline.passed()) return {{}, deadline.fault()};
  int stride = 0;
  const std::uint8_t* rows = heif_image_get_plane_readonly(decoded, heif_channel_interleaved, &stride);
  const int rgb_height = heif_image_get_height(decoded, heif_channel_interleaved);
  const int rgb_width = heif_image_get_width(decoded, heif_channel_interleaved);
  if (!rows || rgb_height != height || rgb_width != width)
    return {{}, fmt::format("is {} {} image that holds two sizes", article, kind)};
  UprightImage image(alpha ? 4 : 3, rgb_height, rgb_width, 1);
  for (int y = 0; y < rgb_height; ++y) image.put(rows + std::int64_t{y} * stride, y, 1);
  Image taken = image.take();
  taken.premultiplied = alpha && heif_image_handle_is_premultiplied_alpha(found);
  return {std::move(taken), ""};
}

#else

std::vector<const char*> heif_formats() { return {}; }

Decoded decode_heif(std::string_view, std::string_view kind, const DecodeLimits&, const CpuDeadline&) {
  return {{},
          fmt::format(
              "is {} {} image, which this build cannot read; install libheif-dev and build again, or convert "
              "it to PNG or JPEG",
              kind == "AVIF" ? "an" : "a", kind)};
}

#endif

}  // namespace cnn
