#include "nn/leaves.h"

#include <algorithm>

namespace cnn {

std::vector<Extent> tree_nodes(const Extent& leaves) {
  std::vector<Extent> nodes;
  for (int first = leaves.first; first < leaves.end;) {
    int size = 1;
    while (first % (2 * size) == 0 && first + 2 * size <= leaves.end) size *= 2;
    nodes.push_back({first, first + size});
    first += size;
  }
  return nodes;
}

bool are_siblings(const Extent& left, const Extent& right, int count) {
  const int size = left.count();
  return left.end == right.first && left.first % (2 * size) == 0 &&
         right.end == std::min(right.first + size, count);
}

}  // namespace cnn
