#include "data/png.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "core/error.h"
#include "core/text.h"
#include "data/pixel_budget.h"
#include "data/png_structure.h"
#include "data/upright_image.h"

// The only user of stb_image. Memory comes zeroed: where a damaged file leaves pixels undefined, they are the
// same on every run.
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_ONLY_PNG
#define STBI_MAX_DIMENSIONS 65535
#define STBI_MALLOC(size) std::calloc(1, size)
#define STBI_REALLOC(memory, size) std::realloc(memory, size)
#define STBI_FREE(memory) std::free(memory)
#define STBI_ASSERT(condition) CNN_DEBUG_CHECK(condition, "in stb_image")
#include <stb_image.h>

namespace cnn {
namespace {

/// A file that ends at the deadline, which stops the decoder.
struct PngSource {
  std::string_view content;
  const CpuDeadline& deadline;
  std::size_t at = 0;
  bool too_slow = false;
  int reads = 0;

  static int read(void* user, char* to, int wanted) {
    auto& self = *static_cast<PngSource*>(user);
    constexpr int kReadsBetweenLooks = 16;  // the decoder reads 128 bytes at a time
    if (self.reads++ % kReadsBetweenLooks == 0 && self.deadline.passed()) self.too_slow = true;
    if (self.too_slow) return 0;
    const std::size_t got = std::min(static_cast<std::size_t>(wanted), self.content.size() - self.at);
    std::memcpy(to, self.content.data() + self.at, got);
    self.at += got;
    return static_cast<int>(got);
  }
  static void skip(void* user, int bytes) {
    auto& self = *static_cast<PngSource*>(user);
    self.at = static_cast<std::size_t>(std::clamp<std::int64_t>(
        static_cast<std::int64_t>(self.at) + bytes, 0, static_cast<std::int64_t>(self.content.size())));
  }
  static int eof(void* user) {
    const auto& self = *static_cast<PngSource*>(user);
    return self.too_slow || self.at == self.content.size();
  }
};

}  // namespace

Decoded decode_png(std::string_view content, const DecodeLimits& limits, const CpuDeadline& deadline) {
  const FileStructure structure = examine_png(content, limits, deadline);
  if (!structure.fault.empty()) return {{}, structure.fault};
  const PixelBudget budget(structure.height * structure.width);
  int width = 0, height = 0, components = 0;
  PngSource source{structure.patched.empty() ? content : structure.patched, deadline};
  const stbi_io_callbacks callbacks{PngSource::read, PngSource::skip, PngSource::eof};
  constexpr std::size_t kBitDepthAt = 24;  // in IHDR
  const bool deep = content[kBitDepthAt] == 16;
  const std::unique_ptr<void, void (*)(void*)> pixels(
      deep ? static_cast<void*>(
                 stbi_load_16_from_callbacks(&callbacks, &source, &width, &height, &components, 0))
           : stbi_load_from_callbacks(&callbacks, &source, &width, &height, &components, 0),
      stbi_image_free);
  if (source.too_slow) return {{}, deadline.fault()};
  if (!pixels) {
    const std::string_view reason = stbi_failure_reason() ? stbi_failure_reason() : "unknown";
    if (reason == "outofmem") return {{}, "needs more memory to decode than there is"};
    return {{},
            fmt::format("is damaged or of a rare kind that cannot be read: PNG decoder says \"{}\"", reason)};
  }
  if (width != structure.width || height != structure.height)
    return {{},
            fmt::format("is damaged: it holds two sizes, {}x{} and {}x{}", structure.width, structure.height,
                        width, height)};
  UprightImage image(components, height, width, structure.orientation);
  if (deep)
    image.put(static_cast<const stbi_us*>(pixels.get()), 0, height);
  else
    image.put(static_cast<const stbi_uc*>(pixels.get()), 0, height);
  return {image.take(), ""};
}

}  // namespace cnn
