#include "data/image_size.h"

#include "core/error.h"
#include "core/text.h"

namespace cnn {

std::string image_size_fault(std::int64_t height, std::int64_t width, const DecodeLimits& limits) {
  if (height < 1 || width < 1) return fmt::format("is damaged: its size is {}x{} pixels", width, height);
  if (height > kLargestSide || width > kLargestSide)
    return fmt::format("is too large: {}x{} pixels, no side may exceed {}", width, height,
                       with_commas(kLargestSide));
  if (height * width > limits.pixels)
    return fmt::format("is too large: {}x{} are {} pixels, the limit (data.limits.pixels) is {}", width,
                       height, with_commas(height * width), with_commas(limits.pixels));
  return "";
}

}  // namespace cnn
