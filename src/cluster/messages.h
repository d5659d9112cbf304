#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "cluster/cluster.h"
#include "core/block.h"

namespace cnn {

// Collective calls for what is not a run of bytes yet.

template <class T>
void broadcast_value(Cluster& cluster, T& value, int root = 0) {
  static_assert(std::is_trivially_copyable_v<T>);
  cluster.broadcast(std::as_writable_bytes(std::span(&value, 1)), root);
}

/// The text of process `root`, to all.
void broadcast_text(Cluster& cluster, std::string& text, int root = 0);

/// The value of each process.
template <class T>
std::vector<T> gathered(Cluster& cluster, const T& mine) {
  static_assert(std::is_trivially_copyable_v<T>);
  const auto size = static_cast<std::size_t>(cluster.size());
  std::vector<T> values(size);
  std::vector<std::int64_t> ends(size);
  for (std::size_t rank = 0; rank < size; ++rank)
    ends[rank] = static_cast<std::int64_t>((rank + 1) * sizeof(T));
  values[static_cast<std::size_t>(cluster.rank())] = mine;
  cluster.all_gather(std::as_writable_bytes(std::span(values)), ends);
  return values;
}

/// The runs of all processes, however long each is, one behind the other.
template <class T>
std::vector<T> joined(Cluster& cluster, std::span<const T> mine) {
  static_assert(std::is_trivially_copyable_v<T>);
  std::vector<std::int64_t> ends = gathered(cluster, static_cast<std::int64_t>(mine.size_bytes()));
  for (std::size_t rank = 1; rank < ends.size(); ++rank) ends[rank] += ends[rank - 1];
  const auto me = static_cast<std::size_t>(cluster.rank());
  std::vector<T> all(static_cast<std::size_t>(ends.back()) / sizeof(T));
  if (!mine.empty())
    std::memcpy(all.data() + (me == 0 ? 0 : static_cast<std::size_t>(ends[me - 1])) / sizeof(T), mine.data(),
                mine.size_bytes());
  cluster.all_gather(std::as_writable_bytes(std::span(all)), ends);
  return all;
}

/// The text of each process.
std::vector<std::string> gathered_texts(Cluster& cluster, const std::string& mine);

/// A part [first, end) of things in a row.
struct Portion {
  std::int64_t first = 0, end = 0;
  std::int64_t size() const { return end - first; }
  bool holds(std::int64_t thing) const { return thing >= first && thing < end; }
};

/// What process `rank` of `processes` takes of `count` things: runs in the order of the processes, of the
/// same length or one more.
inline Portion share_of(std::int64_t count, int rank, int processes) {
  return {count * rank / processes, count * (rank + 1) / processes};
}

/// The same of images, in whole blocks.
inline Portion share_of_blocks(std::int64_t images, int rank, int processes) {
  const Portion blocks = share_of(blocks_of(images), rank, processes);
  return {std::min(images, blocks.first * kLanes), std::min(images, blocks.end * kLanes)};
}

}  // namespace cnn
