#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/thread_pool.h"
#include "data/data_spec.h"

namespace cnn {

/// Takes `images` byte images of one shape, [C][H][W] one after the other, through ImageFitter. Images that
/// already are as `spec` asks are handed back without a copy. Throws Error that starts with `where`.
std::vector<std::byte> fit_all(std::vector<std::byte> pixels, std::int64_t images, int channels, int height,
                               int width, const ImageSpec& spec, ThreadPool& pool, const std::string& where);

}  // namespace cnn
