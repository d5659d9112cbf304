#pragma once

#include <algorithm>
#include <cstdint>

#include "core/thread_pool.h"

namespace cnn {

/// Numbers in one task: small enough to share out a LeNet, large enough to be worth a task. A part of the
/// order of some sums, so another value gives other bits.
inline constexpr std::int64_t kChunk = 8192;

/// body(first, count) for ranges that cover [0, floats), spread over the pool; one call, of nothing, if
/// floats is 0. Every loop over as many numbers hands the same ranges to the same workers, but for those that
/// help out (see ThreadPool): what a worker wrote in one loop is still in its cache in the next.
template <class Body>
void for_each_chunk(std::int64_t floats, ThreadPool& pool, const Body& body) {
  const std::int64_t chunks = std::max<std::int64_t>(1, (floats + kChunk - 1) / kChunk);
  pool.parallel_for(chunks, [&](std::int64_t chunk, int) {
    const std::int64_t first = chunk * kChunk;
    body(first, std::min(kChunk, floats - first));
  });
}

/// body(item) for items that lie in ascending order of item.*position: those of one chunk of [0, floats) are
/// one task, as in for_each_chunk(); those beyond are the last's.
template <class Items, class Item, class Body>
void for_each_in_chunks(std::int64_t floats, ThreadPool& pool, const Items& items,
                        std::int64_t Item::*position, const Body& body) {
  const auto from = [&](std::int64_t at) { return std::ranges::lower_bound(items, at, {}, position); };
  for_each_chunk(floats, pool, [&](std::int64_t first, std::int64_t count) {
    const std::int64_t end = first + count;
    std::for_each(from(first), end < floats ? from(end) : items.end(), body);
  });
}

}  // namespace cnn
