#pragma once

#include <algorithm>
#include <cstdint>

#include "core/thread_pool.h"

namespace cnn {

/// Numbers in one task: small enough to share out a LeNet, large enough to be worth a task.
inline constexpr std::int64_t kChunk = 8192;

/// body(first, count) for ranges that cover [0, floats), spread over the pool.
template <class Body>
void for_each_chunk(std::int64_t floats, ThreadPool& pool, const Body& body) {
  pool.parallel_for((floats + kChunk - 1) / kChunk, [&](std::int64_t chunk, int) {
    const std::int64_t first = chunk * kChunk;
    body(first, std::min(kChunk, floats - first));
  });
}

}  // namespace cnn
