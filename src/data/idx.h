#pragma once

#include <memory>

#include "core/thread_pool.h"
#include "data/data_spec.h"
#include "data/dataset.h"

namespace cnn {

/// Reads a pair of IDX files (MNIST's format, plain or gzip). Images: unsigned bytes, made into what `spec`
/// asks, or big-endian float32, which must match `spec` exactly; [N, H, W] or [N, C, H, W]. Labels: unsigned
/// bytes; without a labels file (an empty path) every label is -1 and there are no classes. Classes are "0"
/// .. "largest label". Throws Error (exit 1) that names the file and what is wrong with it.
/// Source of the format: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
std::shared_ptr<const Dataset> load_idx(const IdxLocation& location, const ImageSpec& spec, ThreadPool& pool);

}  // namespace cnn
