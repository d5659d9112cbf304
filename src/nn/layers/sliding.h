#pragma once

#include "core/block.h"
#include "nn/layer.h"
#include "nn/shape.h"

namespace cnn {

/// Positions of a window along one side: floor((size + padding - dilation*(kernel-1) - 1) / stride) + 1,
/// where `padding` is the sum of both sides. Throws LayerError about kernel_size if the window does not fit.
int sliding_size(int size, int padding, int kernel, int stride, int dilation, const Shape& in);

/// A block of maps without a halo.
template <class T>
BlockView<T> contiguous_view(T* data, const Shape& shape) {
  return {data, shape.c, shape.h, shape.w, shape.w, std::int64_t{shape.h} * shape.w};
}

}  // namespace cnn
