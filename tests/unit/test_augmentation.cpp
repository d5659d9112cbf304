// What the changes of data.augment do to an image, against plain loops in double. Moves of whole rows and
// columns are in test_data_batches.cpp.
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <vector>

#include "catch.h"
#include "core/random.h"
#include "data/augmentation.h"
#include "data/batch_filler.h"
#include "data/border.h"
#include "data/memory_dataset.h"

namespace cnn {
namespace {

using Floats = std::vector<float>;

/// An image that is never symmetric: noise in 0..1.
Floats noise(int channels, int height, int width) {
  Random random(3, Purpose::split);
  Floats image(static_cast<std::size_t>(channels * height * width));
  for (float& value : image) value = random.uniform();
  return image;
}

Floats changed(const std::vector<AugmentSpec>& list, Floats image, int channels, int height, int width,
               std::uint32_t epoch = 1, std::int64_t index = 0, bool clamp = true,
               const Floats& mean = {0.5f, 0.25f, 0.125f}) {
  const Augmentation augmentation(list, 7);
  Augmentation::Scratch scratch;
  augmentation.change(epoch, index,
                      {.values = image.data(), .channels = channels, .height = height, .width = width}, clamp,
                      mean, scratch);
  return image;
}

/// The value of one plane at a position between its pixels, in double.
double interpolated(const float* plane, int height, int width, double y, double x, Border border) {
  const auto at = [&](int row, int column) -> double {
    if (border == Border::reflect) return plane[reflected(row, height) * width + reflected(column, width)];
    const bool inside = row >= 0 && row < height && column >= 0 && column < width;
    return inside ? plane[row * width + column] : 0;
  };
  const int row = static_cast<int>(std::floor(y)), column = static_cast<int>(std::floor(x));
  const double down = y - row, right = x - column;
  return (1 - down) * ((1 - right) * at(row, column) + right * at(row, column + 1)) +
         down * ((1 - right) * at(row + 1, column) + right * at(row + 1, column + 1));
}

/// Turned and zoomed as torchvision's affine does, about the center of the image.
Floats turned(const Floats& image, int channels, int height, int width, double degrees, double scale,
              Border border) {
  const double angle = degrees * std::numbers::pi / 180, cy = (height - 1) / 2.0, cx = (width - 1) / 2.0;
  Floats out;
  for (int c = 0; c < channels; ++c)
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x) {
        const double from_x = (std::cos(angle) * (x - cx) - std::sin(angle) * (y - cy)) / scale + cx;
        const double from_y = (std::sin(angle) * (x - cx) + std::cos(angle) * (y - cy)) / scale + cy;
        out.push_back(static_cast<float>(
            interpolated(image.data() + c * height * width, height, width, from_y, from_x, border)));
      }
  return out;
}

double largest_difference(const Floats& a, const Floats& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    REQUIRE(std::isfinite(a[i]));
    largest = std::max(largest, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  }
  return largest;
}

TEST_CASE("turns and zooms agree with plain loops", "[data]") {
  constexpr int kC = 2, kH = 9, kW = 12;
  const Floats image = noise(kC, kH, kW);
  for (const Border border : {Border::zero, Border::reflect})
    for (const double degrees : {0.0, 10.0, -37.0, 90.0, 180.0})
      for (const double scale : {1.0, 0.4, 1.7}) {
        INFO(degrees << " degrees, times " << scale);
        const std::vector<AugmentSpec> list{RandomRotateSpec{{degrees, degrees}, border},
                                            RandomScaleSpec{{scale, scale}, border}};
        const Floats expected = turned(image, kC, kH, kW, degrees, scale, border);
        CHECK(largest_difference(changed(list, image, kC, kH, kW), expected) < 1e-4);
      }
  CHECK(largest_difference(image, turned(image, kC, kH, kW, 1, 1, Border::zero)) > 1e-2);
}

TEST_CASE("a turn is counterclockwise, a factor above 1 enlarges, and no change is none at all", "[data]") {
  const Floats image{1, 2, 3, 4, 5, 6, 7, 8, 9};
  const auto turn = [&](double degrees) {
    Floats out = changed({RandomRotateSpec{{degrees, degrees}}}, image, 1, 3, 3);
    for (float& value : out) value = std::round(value * 1000) / 1000;
    return out;
  };
  CHECK(turn(90) == Floats{3, 6, 9, 2, 5, 8, 1, 4, 7});
  CHECK(turn(-90) == Floats{7, 4, 1, 8, 5, 2, 9, 6, 3});
  CHECK(turn(0) == image);
  CHECK(changed({RandomScaleSpec{{2, 2}}}, image, 1, 3, 3) == Floats{3, 3.5f, 4, 4.5f, 5, 5.5f, 6, 6.5f, 7});
  // A point and what surrounds it, seen from twice as far.
  CHECK(changed({RandomScaleSpec{{0.5, 0.5}}}, image, 1, 3, 3) == Floats{0, 0, 0, 0, 5, 0, 0, 0, 0});
  CHECK(changed({ElasticSpec{0, 4}}, image, 1, 3, 3) == image);
  CHECK(changed({RandomScaleSpec{{1, 1}}, ElasticSpec{0, 1}}, noise(3, 5, 4), 3, 5, 4) == noise(3, 5, 4));
}

TEST_CASE("angles and factors are uniform in their range", "[data]") {
  // One row with its center at 0 and value = distance: zoomed by s, the outermost pixel shows 1 / s.
  constexpr int kTimes = 4000;
  double sum = 0, least = 10, most = 0;
  for (int i = 0; i < kTimes; ++i) {
    const double factor =
        1 / static_cast<double>(changed({RandomScaleSpec{{1, 2}}}, {-1, 0, 1}, 1, 1, 3, 1, i)[2]);
    sum += factor, least = std::min(least, factor), most = std::max(most, factor);
  }
  CHECK(sum / kTimes == Approx(1.5).margin(0.02));
  CHECK(least == Approx(1).margin(0.01));
  CHECK(most == Approx(2).margin(0.01));
}

/// Horizontal displacements of an elastic deformation, read off an image that rises by 1 a pixel; without a
/// margin where the border is seen.
struct Displacements {
  static constexpr int kSize = 96, kMargin = 24;
  explicit Displacements(std::int64_t index, double alpha, double sigma) {
    Floats image;
    for (int y = 0; y < kSize; ++y)
      for (int x = 0; x < kSize; ++x) image.push_back(static_cast<float>(x));
    field = changed({ElasticSpec{alpha, sigma}}, image, 1, kSize, kSize, 1, index);
    for (int i = 0; i < kSize * kSize; ++i)
      field[static_cast<std::size_t>(i)] -= static_cast<float>(i % kSize);
  }
  double at(int y, int x) const { return field[static_cast<std::size_t>(y * kSize + x)]; }
  /// Mean of d(p) d(p + (0, distance)).
  double covariance(int distance) const {
    double sum = 0;
    int count = 0;
    for (int y = kMargin; y < kSize - kMargin; ++y)
      for (int x = kMargin; x + distance < kSize - kMargin; ++x)
        sum += at(y, x) * at(y, x + distance), ++count;
    return sum / count;
  }
  Floats field;
};

TEST_CASE("an elastic field is Gaussian-smoothed uniform noise times alpha", "[data]") {
  // Noise of variance 1/3 blurred by a Gaussian g: variance sum(g^2) / 3 = 1 / (12 pi sigma^2), and the
  // correlation at distance r is exp(-r^2 / (4 sigma^2)).
  constexpr double kAlpha = 20, kSigma = 3;
  double variance = 0, near = 0, far = 0, mean = 0;
  constexpr int kImages = 60;
  for (int i = 0; i < kImages; ++i) {
    const Displacements d(i, kAlpha, kSigma);
    variance += d.covariance(0) / kImages;
    near += d.covariance(3) / kImages;
    far += d.covariance(18) / kImages;
    mean += d.at(48, 48) / kImages;
  }
  const double expected = kAlpha * kAlpha / (12 * std::numbers::pi * kSigma * kSigma);
  CHECK(variance == Approx(expected).epsilon(0.1));
  CHECK(near / variance == Approx(std::exp(-0.25)).margin(0.05));
  CHECK(std::abs(far / variance) < 0.1);
  CHECK(std::abs(mean) < 4 * std::sqrt(expected / kImages));
}

TEST_CASE("neighbors that interpolate are put together, and a zoom after a deformation is not lost",
          "[data]") {
  const Floats image = noise(1, 16, 16);
  // Out and back in again: one interpolation at the old pixels.
  CHECK(largest_difference(changed({RandomScaleSpec{{0.5, 0.5}}, RandomScaleSpec{{2, 2}}}, image, 1, 16, 16),
                           image) < 1e-6);
  // Different borders, so twice: what left the image is gone.
  const Floats twice =
      changed({RandomScaleSpec{{2, 2}, Border::reflect}, RandomScaleSpec{{0.5, 0.5}, Border::zero}}, image, 1,
              16, 16);
  CHECK(twice[0] == 0);
  const Floats elastic = changed({ElasticSpec{0, 4}, RandomScaleSpec{{2, 2}}}, image, 1, 16, 16);
  CHECK(elastic == changed({RandomScaleSpec{{2, 2}}}, image, 1, 16, 16));
}

TEST_CASE("deformations far out of the image are black or mirrored, never wild", "[data]") {
  for (const double alpha : {1e3, 1e30, 1e300})
    for (const Border border : {Border::zero, Border::reflect})
      for (const auto& [h, w] : {std::pair{5, 7}, {1, 6}, {6, 1}, {1, 1}})
        for (const float value : changed({ElasticSpec{alpha, 0.5, border}}, noise(1, h, w), 1, h, w)) {
          REQUIRE(value >= 0);
          REQUIRE(value <= 1);
        }
}

TEST_CASE("brightness multiplies, contrast moves away from the mean grey; bytes are clamped", "[data]") {
  const Floats image{0.25f, 0.5f, 0.75f, 1, 0, 0.125f, 0.5f, 0.5f, 0.75f, 0.25f, 0, 1};
  const auto expected = [&](auto change, bool clamp) {
    Floats out;
    for (const float v : image) {
      const auto value = static_cast<float>(change(static_cast<double>(v)));
      out.push_back(clamp ? std::clamp(value, 0.0f, 1.0f) : value);
    }
    return out;
  };
  double grey = 0;
  for (std::size_t i = 0; i < 4; ++i)
    grey += (0.299 * image[i] + 0.587 * image[4 + i] + 0.114 * image[8 + i]) / 4;
  for (const bool clamp : {true, false})
    for (const double factor : {0.0, 0.5, 1.0, 1.75}) {
      CHECK(largest_difference(changed({BrightnessSpec{{factor, factor}}}, image, 3, 2, 2, 1, 0, clamp),
                               expected([&](double v) { return v * factor; }, clamp)) < 1e-6);
      CHECK(largest_difference(changed({ContrastSpec{{factor, factor}}}, image, 3, 2, 2, 1, 0, clamp),
                               expected([&](double v) { return grey + (v - grey) * factor; }, clamp)) < 1e-6);
    }
  CHECK(largest_difference(changed({ContrastSpec{{0, 0}}}, {0, 1, 0.5f, 0.25f}, 1, 2, 2),
                           Floats(4, 0.4375f)) < 1e-6);
}

TEST_CASE("cutout leaves a square of the mean color, its center anywhere", "[data]") {
  constexpr int kH = 5, kW = 4, kTimes = 6000;
  const Floats mean{0.5f, 0.25f, 0.125f};
  for (const int size : {1, 2, 3}) {
    std::array<int, kH * kW> cut{};
    int full = 0;
    for (int i = 0; i < kTimes; ++i) {
      const Floats out = changed({CutoutSpec{size}}, Floats(3 * kH * kW, 1.0f), 3, kH, kW, 2, i);
      int pixels = 0;
      for (int p = 0; p < kH * kW; ++p) {
        const auto at = static_cast<std::size_t>(p);
        const bool gone = out[at] != 1;
        for (std::size_t c = 0; c < 3; ++c) REQUIRE(out[c * kH * kW + at] == (gone ? mean[c] : 1));
        cut[at] += gone;
        pixels += gone;
      }
      REQUIRE(pixels >= 1);
      REQUIRE(pixels <= size * size);
      full += pixels == size * size;
    }
    CHECK(full > kTimes / 10);
    // A pixel goes when one of the centers that reach it is drawn.
    for (int p = 0; p < kH * kW; ++p) {
      const auto centers = [&](int i, int length) {
        int count = 0;
        for (int center = 0; center < length; ++center)
          count += i >= center - size / 2 && i < center - size / 2 + size;
        return count;
      };
      const int expected = kTimes * centers(p / kW, kH) * centers(p % kW, kW) / (kH * kW);
      CHECK(cut[static_cast<std::size_t>(p)] == Approx(expected).margin(200));
    }
  }
}

TEST_CASE("an alternating flip mirrors every image in every second epoch", "[data]") {
  const Augmentation flip({RandomFlipSpec{.mode = RandomFlipSpec::Mode::alternate}}, 11);
  Augmentation::Moves moves;
  int first = 0;
  constexpr int kImages = 2000;
  for (int i = 0; i < kImages; ++i) {
    bool before = false;
    for (std::uint32_t epoch = 1; epoch <= 4; ++epoch) {
      flip.draw(epoch, i, 1, 2, moves);
      const bool mirrored = moves.x == std::vector<int>{1, 0};
      if (epoch == 1) first += mirrored;
      if (epoch > 1) REQUIRE(mirrored != before);
      before = mirrored;
    }
  }
  CHECK(first == Approx(kImages / 2).margin(100));
}

TEST_CASE("a crop with padding is a shift, and moves keep their place among other changes", "[data]") {
  const Floats image = noise(2, 6, 5);
  for (std::int64_t i = 0; i < 20; ++i)
    for (const Border border : {Border::zero, Border::reflect}) {
      const std::vector<AugmentSpec> crop{RandomCropSpec{2, border}}, shift{RandomTranslateSpec{2, border}};
      CHECK(changed(crop, image, 2, 6, 5, 1, i) == changed(shift, image, 2, 6, 5, 1, i));
    }
  // Black comes in, then everything moves away from the mean grey: black no more.
  const std::vector<AugmentSpec> shift_last{ContrastSpec{{0, 0}}, RandomTranslateSpec{3}};
  const std::vector<AugmentSpec> contrast_last{RandomTranslateSpec{3}, ContrastSpec{{0, 0}}};
  const auto blacks = [&](const std::vector<AugmentSpec>& list) {
    int black = 0;
    for (std::int64_t i = 0; i < 20; ++i)
      for (const float value : changed(list, image, 2, 6, 5, 1, i)) black += value == 0;
    return black;
  };
  CHECK(blacks(shift_last) > 0);
  CHECK(blacks(contrast_last) == 0);
}

TEST_CASE("the batch filler normalizes what the changes leave, bytes and floats alike", "[data]") {
  constexpr int kH = 8, kW = 8;
  const std::vector<AugmentSpec> list{RandomFlipSpec{}, RandomRotateSpec{{-20, 20}},
                                      BrightnessSpec{{0.5, 1.5}}, CutoutSpec{3}};
  const Normalize normalize{{0.25, 0.5, 0.75}, {0.5, 0.25, 2}};
  const Floats mean{0.25f, 0.5f, 0.75f}, std{0.5f, 0.25f, 2};
  for (const PixelType type : {PixelType::bytes, PixelType::floats}) {
    MemoryDataset::Content content;
    content.type = type;
    content.channels = 3, content.height = kH, content.width = kW;
    content.labels = {0, 0};
    content.classes = {"only"};
    std::vector<Floats> images(2);
    for (int i = 0; i < 2 * 3 * kH * kW; ++i) {
      const int byte = i * 31 % 256;
      const float value = static_cast<float>(byte) / 255.0f;
      images[static_cast<std::size_t>(i) / (3 * kH * kW)].push_back(value);
      const auto* bytes = reinterpret_cast<const std::byte*>(&value);
      if (type == PixelType::bytes)
        content.pixels.push_back(static_cast<std::byte>(byte));
      else
        content.pixels.insert(content.pixels.end(), bytes, bytes + 4);
    }
    const MemoryDataset data(std::move(content));
    const BatchFiller filler(data, normalize, 2, Augmentation(list, 7));
    Floats memory(3 * kH * kW * kLanes, -777.0f);
    const BlockView<float> block{memory.data(), 3, kH, kW, kW, kH * kW};
    filler.fill(std::array<std::int64_t, 3>{1, 0, 1}, 4, 1, block);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const std::int64_t index = lane == 1 ? 0 : 1;
      const Floats expected = changed(list, images[static_cast<std::size_t>(index)], 3, kH, kW, 4, index,
                                      type == PixelType::bytes, mean);
      for (std::size_t i = 0; i < expected.size(); ++i) {
        const std::size_t c = i / (kH * kW);
        REQUIRE(memory[i * kLanes + lane] == (lane < 3 ? (expected[i] - mean[c]) / std[c] : 0.0f));
      }
    }
  }
}

}  // namespace
}  // namespace cnn
