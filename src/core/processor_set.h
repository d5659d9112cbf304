#pragma once

#include <array>
#include <cstdint>

namespace cnn {

/// The processors on which this process may run: its affinity mask, which Linux has. Where a system has none,
/// every process may use all. Plain numbers, so that processes can send it to each other.
struct ProcessorSet {
  static constexpr int kMost = 1024;
  std::array<std::uint64_t, kMost / 64> bits{};

  static ProcessorSet all();
  static ProcessorSet of_this_process();
  /// From now on, where that is possible.
  void apply_to_this_process() const;

  int count() const;
  bool meets(const ProcessorSet& other) const;
};

}  // namespace cnn
