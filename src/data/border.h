#pragma once

#include <cstdlib>

namespace cnn {

/// Position i seen in a mirror at both ends, the edge itself not repeated: 2 1 | 0 1 2 | 1 0.
inline int reflected(int i, int size) {
  if (size == 1) return 0;
  const int period = 2 * (size - 1);
  const int inside = std::abs(i) % period;
  return inside < size ? inside : period - inside;
}

}  // namespace cnn
