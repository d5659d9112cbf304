#include "nn/frozen_front.h"

#include <algorithm>

namespace cnn {
namespace {

bool learns(const Network& network, const Node& node, int epoch) {
  const float* const parameters = network.parameters().data();
  return std::ranges::any_of(network.tensors(), [&](const Tensor& tensor) {
    if (!tensor.trainable) return false;
    const auto at = tensor.values.data() - parameters;
    return node.parameters_begin <= at && at < node.parameters_end &&
           tensor.control.trainable.contains(epoch);
  });
}

/// Whether node `first` and those behind it read nothing of what is before but its own input.
bool is_cut(const std::vector<Node>& nodes, int first) {
  const int border = nodes[static_cast<std::size_t>(first)].x;
  const auto reads_before = [&](int value) {
    return value >= 0 && value != border && value < nodes[static_cast<std::size_t>(first)].y;
  };
  return border == nodes[static_cast<std::size_t>(first) - 1].y &&
         std::none_of(nodes.begin() + first, nodes.end(),
                      [&](const Node& node) { return reads_before(node.x) || reads_before(node.shortcut); });
}

}  // namespace

int frozen_front(const Network& network, int epoch) {
  const std::vector<Node>& nodes = network.nodes();
  int front = 0;
  for (int first = 1; first < static_cast<int>(nodes.size()); ++first) {
    const Node& last = nodes[static_cast<std::size_t>(first) - 1];
    if (last.layer->differs_in_training() || learns(network, last, epoch)) break;
    if (is_cut(nodes, first)) front = first;
  }
  return front;
}

}  // namespace cnn
