#include "core/aligned_buffer.h"

#include <algorithm>

namespace cnn {

AlignedBuffer::AlignedBuffer(std::int64_t size) : size_(size) {
  if (size == 0) return;
  const auto bytes = static_cast<std::size_t>(size) * sizeof(float);
  data_.reset(static_cast<float*>(::operator new (bytes, std::align_val_t{kAlignment})));
  std::fill_n(data_.get(), size, 0.0f);
}

}  // namespace cnn
