#include "nn/shape.h"

#include <spdlog/fmt/fmt.h>

namespace cnn {

std::string to_string(const Shape& shape) {
  return shape.flat ? fmt::format("{}", shape.c) : fmt::format("{}x{}x{}", shape.c, shape.h, shape.w);
}

std::string to_string(Size2 size) { return fmt::format("{}x{}", size.h, size.w); }

}  // namespace cnn
