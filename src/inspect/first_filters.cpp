#include "inspect/first_filters.h"

namespace cnn {

std::optional<Filters> first_filters(const Network& network) {
  for (const Tensor& tensor : network.tensors()) {
    if (!tensor.name.ends_with(".weight") || tensor.shape.size() < 2) continue;
    const Shape& input = network.input();
    Filters filters{.layer = tensor.name.substr(0, tensor.name.find('.')),
                    .count = static_cast<int>(tensor.shape[0]),
                    .channels = input.c,
                    .height = input.h,
                    .width = input.w,
                    .weights = tensor.values};
    filters.is_convolution = tensor.shape.size() == 4;
    if (filters.is_convolution) {
      filters.channels = static_cast<int>(tensor.shape[1]);
      filters.height = static_cast<int>(tensor.shape[2]), filters.width = static_cast<int>(tensor.shape[3]);
    } else if (tensor.shape[1] != input.values()) {
      return std::nullopt;
    }
    return filters;
  }
  return std::nullopt;
}

}  // namespace cnn
