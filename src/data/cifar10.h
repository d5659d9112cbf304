#pragma once

#include <memory>

#include "core/thread_pool.h"
#include "data/data_spec.h"
#include "data/dataset.h"

namespace cnn {

/// Reads CIFAR-10's binary batches (plain or gzip) in the order given: records of 1 label byte and 3072
/// pixels [3][32][32]. The pixels are made into what `spec` asks. Throws Error (exit 1) that names the file
/// and what is wrong with it.
/// Source of the format: A. Krizhevsky, "The CIFAR-10 dataset", binary version.
std::shared_ptr<const Dataset> load_cifar10(const CifarLocation& location, const ImageSpec& spec,
                                            ThreadPool& pool);

}  // namespace cnn
