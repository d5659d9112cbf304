#include "train/front_identity.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <limits>
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

std::vector<ActivityNumbers> numbers_of(const std::vector<LayerActivity>& layers) {
  std::vector<ActivityNumbers> numbers;
  for (const LayerActivity& layer : layers)
    numbers.push_back({layer.active_fraction, layer.mean, layer.standard_deviation});
  while (!numbers.empty() && std::isnan(numbers.back().mean)) numbers.pop_back();
  return numbers;
}

std::vector<LayerActivity> to_activity(const std::vector<ActivityNumbers>& numbers, const Network& network) {
  constexpr double kNotSeen = std::numeric_limits<double>::quiet_NaN();
  std::vector<LayerActivity> layers;
  for (std::size_t row = 0; row < network.layers().size(); ++row) {
    const ActivityNumbers one =
        row < numbers.size() ? numbers[row] : ActivityNumbers{kNotSeen, kNotSeen, kNotSeen};
    layers.push_back({.layer = network.layers()[row].name,
                      .values = network.layers()[row].out.values(),
                      .active_fraction = one.active_fraction,
                      .mean = one.mean,
                      .standard_deviation = one.standard_deviation});
  }
  return layers;
}

}  // namespace cnn
