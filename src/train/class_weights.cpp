#include "train/class_weights.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"

namespace cnn {
namespace {

std::vector<float> balanced(std::size_t classes, std::span<const std::int32_t> labels) {
  std::vector<std::int64_t> counts(classes);
  for (const std::int32_t label : labels) ++counts[static_cast<std::size_t>(label)];
  std::vector<float> weights;
  for (const std::int64_t count : counts)
    weights.push_back(count == 0
                          ? 0
                          : static_cast<float>(static_cast<double>(labels.size()) /
                                               static_cast<double>(classes) / static_cast<double>(count)));
  return weights;
}

}  // namespace

std::vector<float> class_weights(const ClassWeightsSpec& spec, std::span<const std::string> classes,
                                 std::span<const std::int32_t> labels) {
  if (spec.mode == ClassWeightsSpec::Mode::none) return {};
  if (spec.mode == ClassWeightsSpec::Mode::balanced) return balanced(classes.size(), labels);
  std::vector<float> weights(classes.size(), 1);
  for (const auto& [name, weight] : spec.given) {
    const auto found = std::ranges::find(classes, name);
    if (found == classes.end())
      fail_usage("training.class_weights: there is no class \"{}\"; the classes are {}", printable(name),
                 printable(join({classes.begin(), classes.end()})));
    weights[static_cast<std::size_t>(found - classes.begin())] = static_cast<float>(weight);
  }
  return weights;
}

}  // namespace cnn
