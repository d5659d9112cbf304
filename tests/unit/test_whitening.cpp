#include <algorithm>
#include <cmath>

#include "catch.h"
#include "core/random.h"
#include "network_fixture.h"
#include "train/whitening.h"

namespace cnn {
namespace {

ConvSpec whitening_conv(int outputs, Size2 kernel) {
  ConvSpec conv;
  conv.out_channels = outputs;
  conv.kernel_size = kernel;
  conv.weight_init = WeightInit::whitening;
  return conv;
}

/// Images whose neighbors resemble each other: sums of a few random numbers.
struct SmoothImages {
  Shape shape{.c = 2, .h = 7, .w = 6};
  std::vector<float> values;  ///< [image][value]
  ImageSet set;

  explicit SmoothImages(std::int64_t count) {
    Random random(5, Purpose::split);
    for (std::int64_t i = 0; i < count * shape.values(); ++i) {
      const float before = i > 0 ? values[static_cast<std::size_t>(i - 1)] : 0;
      values.push_back(0.8f * before + random.uniform(-1, 1));
    }
    set.labels.assign(static_cast<std::size_t>(count), 0);
    set.fill = [this](std::span<const std::int64_t> images, std::uint32_t, int, BlockView<float> x) {
      for (int c = 0; c < x.c; ++c)
        for (int h = 0; h < x.h; ++h)
          for (int w = 0; w < x.w; ++w)
            for (std::size_t lane = 0; lane < kLanes; ++lane)
              x.at(c, h, w)[lane] = lane < images.size() ? at(images[lane], c, h, w) : 0;
    };
  }
  float at(std::int64_t image, int c, int h, int w) const {
    return values[static_cast<std::size_t>(((image * shape.c + c) * shape.h + h) * shape.w + w)];
  }
};

std::vector<float> whitened(const NetworkSpec& spec, const SmoothImages& images, int threads) {
  ThreadPool pool(threads);
  Network network(spec, images.shape, 0, 1);
  network.initialize(1);
  whiten(network, images.set, pool);
  const auto weight = network.find("layer0.weight")->values;
  return {weight.begin(), weight.end()};
}

TEST_CASE("eigenvectors of symmetric matrices", "[train]") {
  const Eigen simple = eigen_of_symmetric({2, 1, 1, 2}, 2);
  CHECK(simple.values[0] == Approx(3));
  CHECK(simple.values[1] == Approx(1));
  CHECK(simple.vectors[0] == Approx(std::sqrt(0.5)));
  CHECK(simple.vectors[1] == Approx(std::sqrt(0.5)));

  constexpr int n = 27;
  Random random(2, Purpose::split);
  std::vector<double> matrix(n * n);
  for (int i = 0; i < n; ++i)
    for (int j = 0; j <= i; ++j) matrix[i * n + j] = matrix[j * n + i] = random.uniform(-1, 1);
  const Eigen eigen = eigen_of_symmetric(matrix, n);
  CHECK(std::is_sorted(eigen.values.rbegin(), eigen.values.rend()));
  for (int e = 0; e < n; ++e) {
    const double* v = &eigen.vectors[e * n];
    CHECK(*std::max_element(v, v + n, [](double a, double b) { return std::abs(a) < std::abs(b); }) > 0);
    for (int i = 0; i < n; ++i) {
      double product = 0, length = 0;
      for (int j = 0; j < n; ++j)
        product += matrix[i * n + j] * v[j], length += v[j] * eigen.vectors[i * n + j];
      REQUIRE(product == Approx(eigen.values[static_cast<std::size_t>(e)] * v[i]).margin(1e-12));
      REQUIRE(length == Approx(i == e ? 1 : 0).margin(1e-12));
    }
  }
}

TEST_CASE("whitened outputs are decorrelated, and the second half are their negatives", "[train]") {
  const SmoothImages images(50);
  ConvSpec conv = whitening_conv(16, {2, 2});  // 2 * 2 channels * 2 * 2 pixels
  conv.dilation = {2, 1};
  NetworkSpec spec = chain(conv, FlattenSpec{});
  name_entries(spec);
  const std::vector<float> w = whitened(spec, images, 2);
  for (std::size_t i = 0; i < 64; ++i) REQUIRE(w[64 + i] == -w[i]);

  std::vector<double> covariance(8 * 8);
  double count = 0;
  for (int image = 0; image < 50; ++image)
    for (int h = 0; h < 5; ++h)
      for (int x = 0; x < 5; ++x, ++count) {
        double y[8] = {};
        for (int o = 0; o < 8; ++o)
          for (int k = 0; k < 8; ++k)
            y[o] += double{w[static_cast<std::size_t>(o * 8 + k)]} *
                    images.at(image, k / 4, h + k / 2 % 2 * 2, x + k % 2);
        for (int i = 0; i < 8; ++i)
          for (int j = 0; j < 8; ++j) covariance[i * 8 + j] += y[i] * y[j];
      }
  for (int i = 0; i < 8; ++i)
    for (int j = 0; j < 8; ++j)  // an eigenvalue v gives v / (v + 0.0005)
      CHECK(covariance[i * 8 + j] / count == Approx(i == j ? 1 : 0).margin(0.01));

  // Fewer outputs: the directions that vary most.
  std::get<ConvSpec>(spec[0].spec).out_channels = 3;
  const std::vector<float> few = whitened(spec, images, 1);
  CHECK(std::equal(few.begin(), few.begin() + 16, w.begin()));
  CHECK(std::equal(few.begin() + 16, few.end(), w.begin() + 64));
}

TEST_CASE("whitening does not depend on the threads, and looks at images all over a large set", "[train]") {
  const SmoothImages images(6001);
  NetworkSpec spec = chain(whitening_conv(12, {3, 1}), FlattenSpec{});
  name_entries(spec);
  const std::vector<float> expected = whitened(spec, images, 1);
  CHECK(whitened(spec, images, 3) == expected);
  SmoothImages other(6001);
  other.values.back() += 100;  // of image 6000, which is not looked at: 5,000 are
  CHECK(whitened(spec, other, 1) == expected);
  other.values[5998 * 84] += 100;  // floor(4998 * 6001 / 5000) = 5998
  CHECK(whitened(spec, other, 1) != expected);
}

TEST_CASE("whitening where it makes no sense is refused", "[train]") {
  const auto message = [](NetworkSpec spec) -> std::string {
    name_entries(spec);
    try {
      Network(spec, {.c = 2, .h = 7, .w = 6}, 0, 1);
    } catch (const SpecError& error) {
      return error.pointer() + ": " + error.what();
    }
    return "no error";
  };
  CHECK_THAT(message(chain(whitening_conv(4, {2, 2}), whitening_conv(4, {2, 2}), FlattenSpec{})),
             ContainsSubstring("/network/1/weight_init: whitening makes filters from the images"));
  CHECK_THAT(message(chain(whitening_conv(17, {2, 2}), FlattenSpec{})),
             ContainsSubstring("/network/0/out_channels: whitening makes at most 16 filters here"));
  ConvSpec grouped = whitening_conv(4, {2, 2});
  grouped.groups = 2;
  CHECK_THAT(message(chain(grouped, FlattenSpec{})), ContainsSubstring("needs groups 1"));
  ConvSpec large = whitening_conv(4, {8, 8});
  large.padding.amount = {2, 2};
  CHECK_THAT(message(chain(large, FlattenSpec{})),
             ContainsSubstring("/network/0/kernel_size: whitening needs windows"));
}

}  // namespace
}  // namespace cnn
