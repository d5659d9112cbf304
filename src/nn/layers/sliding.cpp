#include "nn/layers/sliding.h"

namespace cnn {

int sliding_size(int size, int padding, int kernel, int stride, int dilation, const Shape& in) {
  const std::int64_t reach = std::int64_t{dilation} * (kernel - 1) + 1;
  const std::int64_t padded = std::int64_t{size} + padding;
  if (reach > padded) {
    const std::string what =
        dilation == 1 ? fmt::format("{}", kernel)
                      : fmt::format("{} with dilation {} (reaching over {})", kernel, dilation, reach);
    throw LayerError("kernel_size",
                     fmt::format("{} is larger than its {}input {}x{}; use <= {} or add padding", what,
                                 padding > 0 ? fmt::format("padded ({} in all) ", padding) : "", in.h, in.w,
                                 (padded - 1) / dilation + 1));
  }
  return static_cast<int>((padded - reach) / stride) + 1;
}

}  // namespace cnn
