#include <algorithm>
#include <cmath>
#include <numeric>

#include "catch.h"
#include "network_fixture.h"
#include "nn/initialization.h"

namespace cnn {
namespace {

using Shape4 = std::vector<std::int64_t>;

std::vector<float> initialized(WeightInit init, const Shape4& shape, int groups = 1) {
  std::vector<float> values(static_cast<std::size_t>(
      std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>())));
  std::ranges::fill(values, NAN);
  Random random(7, Purpose::initialization);
  initialize(initialization_of(init, shape, groups), shape, random, values);
  return values;
}

double deviation(const std::vector<float>& values) {
  double sum = 0;
  for (const float v : values) sum += double{v} * v;
  return std::sqrt(sum / static_cast<double>(values.size()));
}

/// Whether the values fill [-bound, bound] evenly.
void check_uniform(const std::vector<float>& values, double bound) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  CHECK(*high <= bound);
  CHECK(*low >= -bound);
  CHECK(*high > 0.99 * bound);
  CHECK(*low < -0.99 * bound);
  CHECK(deviation(values) == Approx(bound / std::sqrt(3.0)).epsilon(0.03));
}

TEST_CASE("initializers have torch.nn.init's bounds and deviations", "[nn]") {
  // fan_in 8 * 3 * 5 = 120, fan_out 40 * 3 * 5 = 600.
  const Shape4 conv{40, 8, 3, 5}, dense{60, 80};
  check_uniform(initialized(WeightInit::kaiming_uniform, conv), 1 / std::sqrt(120.0));
  check_uniform(initialized(WeightInit::kaiming_uniform, dense), 1 / std::sqrt(80.0));
  check_uniform(initialized(WeightInit::xavier_uniform, conv), std::sqrt(6 / (120.0 + 600)));
  check_uniform(initialized(WeightInit::xavier_uniform, dense), std::sqrt(6 / (80.0 + 60)));
  const std::vector<float> normal = initialized(WeightInit::kaiming_normal, conv);
  CHECK(deviation(normal) == Approx(std::sqrt(2 / 120.0)).epsilon(0.03));
  CHECK(std::ranges::count_if(normal, [](float v) { return std::abs(v) > 2 * std::sqrt(2 / 120.0); }) ==
        Approx(0.0455 * static_cast<double>(normal.size())).epsilon(0.2));
  CHECK(initialized(WeightInit::zeros, dense) == std::vector<float>(4800, 0.0f));
  CHECK(initialized(WeightInit::whitening, conv) == initialized(WeightInit::kaiming_uniform, conv));
}

TEST_CASE("dirac copies inputs to the first outputs of each group", "[nn]") {
  for (const auto& [shape, groups] : std::vector<std::pair<Shape4, int>>{
           {{5, 3, 3, 2}, 1}, {{2, 4, 1, 3}, 1}, {{6, 2, 3, 3}, 2}, {{4, 1, 2, 2}, 4}}) {
    CAPTURE(shape, groups);
    const std::vector<float> dirac = initialized(WeightInit::dirac, shape, groups),
                             partial = initialized(WeightInit::partial_dirac, shape, groups),
                             plain = initialized(WeightInit::kaiming_uniform, shape, groups);
    std::size_t at = 0;
    for (std::int64_t output = 0; output < shape[0]; ++output) {
      const std::int64_t d = output % (shape[0] / groups);
      for (std::int64_t input = 0; input < shape[1]; ++input)
        for (std::int64_t row = 0; row < shape[2]; ++row)
          for (std::int64_t col = 0; col < shape[3]; ++col, ++at) {
            const bool one = input == d && row == shape[2] / 2 && col == shape[3] / 2;
            REQUIRE(dirac[at] == (one ? 1.0f : 0.0f));
            REQUIRE(partial[at] == (d < shape[1] ? dirac[at] : plain[at]));
          }
    }
  }
}

TEST_CASE("a network starts as its entries say", "[nn]") {
  ConvSpec conv;
  conv.out_channels = 4;
  conv.kernel_size = {3, 3};
  conv.weight_init = WeightInit::dirac;
  conv.bias_init = BiasInit::zeros;
  DenseSpec dense;
  dense.units = 3;
  dense.weight_init = WeightInit::zeros;
  NetworkSpec spec = chain(conv, FlattenSpec{}, dense);
  name_entries(spec);
  const NetworkFixture fixture(spec, {.c = 2, .h = 5, .w = 5}, 3);
  const auto tensor = [&](const char* name) { return fixture.network.find(name)->values; };
  CHECK(std::ranges::count(tensor("layer0.weight"), 1.0f) == 2);
  CHECK(std::ranges::count(tensor("layer0.bias"), 0.0f) == 4);
  CHECK(std::ranges::count(tensor("layer2.weight"), 0.0f) == 3 * 36);
  CHECK(std::ranges::count(tensor("layer2.bias"), 0.0f) == 0);
  CHECK(fixture.network.find("layer1.weight") == nullptr);
}

}  // namespace
}  // namespace cnn
