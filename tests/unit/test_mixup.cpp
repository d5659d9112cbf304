#include <algorithm>
#include <cmath>
#include <numeric>

#include "catch.h"
#include "train/mixup.h"

namespace cnn {
namespace {

/// Image i is one pixel of value i; its label is i % 10.
ImageSet numbers(std::int64_t count) {
  ImageSet set;
  for (std::int64_t i = 0; i < count; ++i) set.labels.push_back(static_cast<std::int32_t>(i % 10));
  set.fill = [](std::span<const std::int64_t> images, std::uint32_t, int, BlockView<float> x) {
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      x.data[lane] = lane < images.size() ? static_cast<float>(images[lane]) : 0;
  };
  return set;
}

std::vector<std::int64_t> first_images(std::int64_t count) {
  std::vector<std::int64_t> images(static_cast<std::size_t>(count));
  std::iota(images.begin(), images.end(), 0);
  return images;
}

TEST_CASE("mixup adds another image of the batch, and says with which label", "[train]") {
  const ImageSet set = numbers(100);
  const std::vector<std::int64_t> images{7, 3, 60, 41, 99, 12, 5, 18, 22, 31,
                                         2, 9, 77, 50, 64, 83, 1, 90, 15};
  Mixup mixup(1.0, 4, 2);
  bool other_share = false, other_partner = false;
  float share_before = 0;
  std::int32_t second_before = -1;
  for (std::uint32_t step = 0; step < 20; ++step) {
    mixup.begin(set, images, step);
    REQUIRE(mixup.second_labels() != nullptr);
    CHECK(mixup.share() >= 0.5f);
    CHECK(mixup.share() <= 1);
    const auto mixed = [&](std::size_t first, std::size_t count, int worker) {
      AlignedBuffer x(kLanes);
      mixup.fill(first, count, 1, worker, {x.data(), 1, 1, 1, 1, 1});
      return std::vector<float>(x.data(), x.data() + kLanes);
    };
    std::vector<float> values = mixed(0, 16, 0);
    const std::vector<float> rest = mixed(16, 3, 1);
    for (std::size_t lane = 3; lane < kLanes; ++lane) CHECK(rest[lane] == 0);
    values.insert(values.end(), rest.begin(), rest.begin() + 3);
    // All have the same distance to their partner: find it from the first.
    std::size_t distance = 0;
    for (std::size_t k = 1; k < images.size() && distance == 0; ++k) {
      const float expected = mixup.share() * 7 + (1 - mixup.share()) * static_cast<float>(images[k]);
      if (values[0] == Approx(expected)) distance = k;
    }
    REQUIRE(distance > 0);
    for (std::size_t i = 0; i < images.size(); ++i) {
      const std::int64_t partner = images[(i + distance) % images.size()];
      CHECK(values[i] == Approx(mixup.share() * static_cast<float>(images[i]) +
                                (1 - mixup.share()) * static_cast<float>(partner)));
      CHECK(mixup.second_labels()[i] == partner % 10);
    }
    other_share = other_share || (step > 0 && mixup.share() != share_before);
    other_partner = other_partner || (step > 0 && mixup.second_labels()[0] != second_before);
    share_before = mixup.share();
    second_before = mixup.second_labels()[0];
  }
  CHECK(other_share);
  CHECK(other_partner);
}

TEST_CASE("mixup depends on seed and step only; alone, or switched off, an image stays itself", "[train]") {
  const ImageSet set = numbers(50);
  const std::vector<std::int64_t> images = first_images(32), one{17};
  Mixup a(0.4, 9, 1), b(0.4, 9, 1), other_seed(0.4, 10, 1), off(0, 9, 1);
  b.begin(set, images, 3);
  a.begin(set, images, 8);
  b.begin(set, images, 8);
  other_seed.begin(set, images, 8);
  CHECK(a.share() == b.share());
  CHECK(std::equal(images.begin(), images.end(), a.second_labels(),
                   [&](std::int64_t i, std::int32_t label) { return b.second_labels()[i] == label; }));
  CHECK(a.share() != other_seed.share());
  off.begin(set, images, 8);
  CHECK(off.second_labels() == nullptr);
  CHECK(off.share() == 1);
  a.begin(set, one, 8);
  CHECK(a.second_labels() == nullptr);
  AlignedBuffer x(kLanes);
  a.fill(0, 1, 1, 0, {x.data(), 1, 1, 1, 1, 1});
  CHECK(x.data()[0] == 17);
}

TEST_CASE("mixup draws its share from Beta(alpha, alpha)", "[train]") {
  const ImageSet set = numbers(2);
  const std::vector<std::int64_t> images = first_images(2);
  // For s from Beta(a, a): the mean of (2s - 1)^2 is 4 times its variance, 1 / (2a + 1).
  for (const double alpha : {0.01, 0.2, 1.0, 5.0}) {
    Mixup mixup(alpha, 1, 1);
    double sum = 0;
    constexpr int kTimes = 20000;
    for (std::uint32_t step = 0; step < kTimes; ++step) {
      mixup.begin(set, images, step);
      REQUIRE(mixup.share() >= 0.5f);
      REQUIRE(mixup.share() <= 1);
      sum += std::pow(2.0 * static_cast<double>(mixup.share()) - 1, 2);
    }
    INFO("alpha " << alpha);
    CHECK(sum / kTimes == Approx(1 / (2 * alpha + 1)).margin(0.01));
  }
}

}  // namespace
}  // namespace cnn
