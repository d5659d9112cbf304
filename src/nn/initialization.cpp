#include "nn/initialization.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "core/random.h"

namespace cnn {
namespace {

std::int64_t product(std::span<const std::int64_t> sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>());
}

float default_bound(std::int64_t fan_in) { return 1.0f / std::sqrt(static_cast<float>(fan_in)); }

/// torch.nn.init.dirac_ on the outputs that it makes copies; the others stay.
void copy_inputs(int groups, std::span<const std::int64_t> shape, std::span<float> values) {
  const std::int64_t outputs = shape[0] / groups, inputs = shape[1], rows = shape[2], cols = shape[3];
  const std::int64_t middle = rows / 2 * cols + cols / 2;
  for (std::int64_t group = 0; group < groups; ++group) {
    for (std::int64_t d = 0; d < std::min(outputs, inputs); ++d) {
      float* filter = values.data() + (group * outputs + d) * inputs * rows * cols;
      std::fill_n(filter, inputs * rows * cols, 0.0f);
      filter[d * rows * cols + middle] = 1;
    }
  }
}

}  // namespace

std::int64_t fan_in_of(std::span<const std::int64_t> shape) { return product(shape.subspan(1)); }

Initialization initialization_of(WeightInit init, std::span<const std::int64_t> shape, int groups) {
  const std::int64_t fan_in = fan_in_of(shape), fan_out = shape[0] * product(shape.subspan(2));
  switch (init) {
    case WeightInit::kaiming_normal:
      return {.form = Initialization::Form::normal, .size = std::sqrt(2.0f / static_cast<float>(fan_in))};
    case WeightInit::xavier_uniform:
      return Initialization::uniform(std::sqrt(6.0f / static_cast<float>(fan_in + fan_out)));
    case WeightInit::zeros:
      return Initialization::constant(0);
    case WeightInit::dirac:
      return {.copying_groups = groups};
    case WeightInit::partial_dirac:
      return {.form = Initialization::Form::uniform, .size = default_bound(fan_in), .copying_groups = groups};
    case WeightInit::kaiming_uniform:
    case WeightInit::whitening:
      break;
  }
  return Initialization::uniform(default_bound(fan_in));
}

Initialization initialization_of(BiasInit init, std::int64_t fan_in) {
  return init == BiasInit::zeros ? Initialization::constant(0)
                                 : Initialization::uniform(default_bound(fan_in));
}

void initialize(const Initialization& how, std::span<const std::int64_t> shape, Random& random,
                std::span<float> values) {
  for (float& value : values) {
    switch (how.form) {
      case Initialization::Form::constant:
        value = how.size;
        break;
      case Initialization::Form::uniform:
        value = random.uniform(-how.size, how.size);
        break;
      case Initialization::Form::normal:
        value = how.size * random.normal();
        break;
    }
  }
  if (how.copying_groups > 0) copy_inputs(how.copying_groups, shape, values);
}

}  // namespace cnn
