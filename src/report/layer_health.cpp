#include "report/layer_health.h"

#include <spdlog/fmt/fmt.h>

#include <cmath>

#include "core/text.h"

namespace cnn {
namespace {

constexpr double kLeastActive = 0.01, kLeastSpread = 1e-6, kMost = 1000;

constexpr const char* kAgainstExploding =
    "try a smaller learning_rate, warmup_epochs, clip_gradient_norm, or a batch_norm before it";

/// Of several dead layers in a row the first is the one to fix: a pooling of nothing puts out nothing.
std::string dead_message(std::span<const LayerStatistics> layers, std::size_t first) {
  std::vector<std::string> followers;
  for (std::size_t i = first + 1; i + 1 < layers.size() && layers[i].active_fraction < kLeastActive; ++i)
    followers.push_back(printable(layers[i].layer));
  return fmt::format(
      "{} is almost dead: {:.2f} % of its values are above 0, so hardly anything can be learned there{}; try "
      "a smaller learning_rate, the activation leaky_relu, or a batch_norm before the activation",
      printable(layers[first].layer), 100 * layers[first].active_fraction,
      followers.empty() ? "" : fmt::format(" (nor in {} behind it)", join(followers)));
}

}  // namespace

std::vector<LayerComplaint> layer_complaints(std::span<const LayerStatistics> layers) {
  std::vector<LayerComplaint> complaints;
  const auto is_dead = [&](std::size_t i) {
    return i + 1 < layers.size() && layers[i].active_fraction < kLeastActive;
  };
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const LayerStatistics& s = layers[i];
    const std::string name = printable(s.layer);
    if (!std::isfinite(s.mean) || !std::isfinite(s.standard_deviation) || s.standard_deviation > kMost)
      complaints.push_back({s.layer, "exploding",
                            fmt::format("{} explodes: the standard deviation of its values is {:.3g}; {}",
                                        name, s.standard_deviation, kAgainstExploding)});
    else if (s.gradient_norm > kMost || std::isinf(s.gradient_norm))
      complaints.push_back({s.layer, "exploding",
                            fmt::format("the gradient of {} explodes: its norm is {:.3g}; {}", name,
                                        s.gradient_norm, kAgainstExploding)});
    else if (is_dead(i)) {
      if (i == 0 || !is_dead(i - 1)) complaints.push_back({s.layer, "dead", dead_message(layers, i)});
    } else if (s.standard_deviation <= kLeastSpread * std::abs(s.mean) && i + 1 < layers.size())
      complaints.push_back(
          {s.layer, "constant",
           fmt::format("{} puts out the same value ({:.3g}) for every input; try a smaller learning_rate, "
                       "relu instead of a saturating activation, or a batch_norm before it",
                       name, s.mean)});
  }
  return complaints;
}

}  // namespace cnn
