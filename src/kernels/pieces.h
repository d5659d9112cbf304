#pragma once

#include <cstdint>

namespace cnn {

constexpr std::int64_t round_up(std::int64_t n, std::int64_t to) { return (n + to - 1) / to * to; }

/// `total` in equal pieces of at most `most`.
constexpr int even_piece(int total, int most) {
  const int pieces = (total + most - 1) / most;
  return (total + pieces - 1) / pieces;
}

}  // namespace cnn
