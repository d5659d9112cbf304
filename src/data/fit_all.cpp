#include "data/fit_all.h"

#include <algorithm>

#include "core/error.h"
#include "data/image_fitter.h"

namespace cnn {

std::vector<std::byte> fit_all(std::vector<std::byte> pixels, std::int64_t images, int channels, int height,
                               int width, const ImageSpec& spec, ThreadPool& pool, const std::string& where) {
  if (channels == spec.channels && height == spec.height && width == spec.width) return pixels;
  const std::int64_t from = std::int64_t{channels} * height * width;
  const std::int64_t to = std::int64_t{spec.channels} * spec.height * spec.width;
  std::vector<std::byte> fitted(static_cast<std::size_t>(images * to));
  std::vector<ImageFitter> fitters(static_cast<std::size_t>(pool.threads()), ImageFitter(spec));
  constexpr std::int64_t kAtOnce = 64;
  pool.parallel_for((images + kAtOnce - 1) / kAtOnce, [&](std::int64_t part, int worker) {
    for (std::int64_t i = part * kAtOnce; i < std::min(images, (part + 1) * kAtOnce); ++i) {
      const auto* source = reinterpret_cast<const std::uint8_t*>(pixels.data()) + i * from;
      auto* target = reinterpret_cast<std::uint8_t*>(fitted.data()) + i * to;
      const std::string fault =
          fitters[static_cast<std::size_t>(worker)].fit(ImageView(source, channels, height, width), target);
      if (!fault.empty()) fail("{}: every image {}", where, fault);
    }
  });
  return fitted;
}

}  // namespace cnn
