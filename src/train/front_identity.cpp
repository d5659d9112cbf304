#include "train/front_identity.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <span>

#include "data/fingerprint.h"

namespace cnn {
namespace {

bool belongs_to(const Tensor& tensor, const Node& node) { return tensor.name.starts_with(node.name + "."); }

}  // namespace

std::string front_identity(const Network& network, int front,
                           const std::function<std::string(const std::string&)>& front_text) {
  const auto nodes = std::span(network.nodes()).first(static_cast<std::size_t>(front));
  const int last = nodes.back().entry;
  std::string identity = fmt::format("{} nodes up to {}, {} -> {}\n{}\n", front, nodes.back().name,
                                     to_string(network.input()), to_string(nodes.back().out),
                                     front_text(network.layers()[static_cast<std::size_t>(last)].name));
  for (const Tensor& tensor : network.tensors())
    if (std::ranges::any_of(nodes, [&](const Node& node) { return belongs_to(tensor, node); })) {
      const Fingerprint numbers = fingerprint(std::as_bytes(tensor.values));
      identity += fmt::format("{} {:016x}{:016x}\n", tensor.name, numbers.high, numbers.low);
    }
  return identity;
}

}  // namespace cnn
