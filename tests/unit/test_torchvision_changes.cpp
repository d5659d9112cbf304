// The changes of data.augment that torchvision has under the same names, against Pillow's values, Python's
// colorsys, and plain loops.
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "catch.h"
#include "core/random.h"
#include "data/augmentation.h"
#include "data/color_changes.h"
#include "data/random_box.h"
#include "data/tone_changes.h"
#include "data/trivial_augment.h"

namespace cnn {
namespace {

using Floats = std::vector<float>;

struct Picture {
  Floats values;
  int channels = 1, height = 0, width = 0;

  FloatImageView view() {
    return {.values = values.data(), .channels = channels, .height = height, .width = width};
  }
  float at(int c, int y, int x) const {
    return values[static_cast<std::size_t>((c * height + y) * width + x)];
  }
};

/// Values in 0..255, row after row.
Picture grey(int height, int width, const std::vector<int>& bytes) {
  Picture picture{{}, 1, height, width};
  for (const int byte : bytes) picture.values.push_back(static_cast<float>(byte) / 255.0f);
  return picture;
}

/// Pixels in a row.
Picture colors(const std::vector<std::array<int, 3>>& pixels) {
  Picture picture{{}, 3, 1, static_cast<int>(pixels.size())};
  for (std::size_t c = 0; c < 3; ++c)
    for (const auto& pixel : pixels) picture.values.push_back(static_cast<float>(pixel[c]) / 255.0f);
  return picture;
}

Picture noise(int channels, int height, int width) {
  Random random(5, Purpose::split);
  Picture picture{{}, channels, height, width};
  for (int i = 0; i < channels * height * width; ++i)
    picture.values.push_back(static_cast<float>(random.below(256)) / 255.0f);
  return picture;
}

/// Fails with the first value that is more than `apart` grey levels from the expected one.
void check_bytes(const Picture& picture, const std::vector<int>& expected, double apart) {
  REQUIRE(picture.values.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    INFO("value " << i << ": " << picture.values[i] * 255.0f << ", expected " << expected[i]);
    REQUIRE(std::abs(static_cast<double>(picture.values[i]) * 255 - expected[i]) <= apart);
  }
}

Picture changed(Picture picture, const AugmentSpec& change, std::int64_t index, std::uint32_t epoch = 1,
                bool clamp = true) {
  const Augmentation augmentation({change}, 7);
  Augmentation::Scratch scratch;
  augmentation.change(epoch, index, picture.view(), clamp, Floats{0.5f, 0.25f, 0.125f}, scratch);
  return picture;
}

Picture trivial(Picture picture, TrivialDraw draw, bool clamp = true, Border border = Border::zero) {
  Floats other(picture.values.size(), std::nanf(""));
  Warp warp;
  apply_trivial(draw, border, picture.view(), clamp, other, warp);
  return picture;
}

const std::vector<std::array<int, 3>> kPixels{{200, 30, 90}, {10, 240, 128}, {255, 255, 255}, {60, 80, 250}};

TEST_CASE("hues turn as in HSV", "[data]") {
  const auto turned = [](float shift) {
    Picture picture = colors(kPixels);
    shift_hue(picture.view(), shift);
    return picture;
  };
  // By colorsys of Python.
  check_bytes(turned(0.1f), {200, 10, 255, 154, 72, 214, 255, 60, 30, 240, 255, 250}, 0.01);
  check_bytes(turned(-0.3f), {30, 240, 255, 60, 56, 174, 255, 250, 200, 10, 255, 78}, 0.01);
  check_bytes(turned(0.5f), {30, 240, 255, 250, 200, 10, 255, 230, 140, 122, 255, 60}, 0.01);
  CHECK(turned(0).values == colors(kPixels).values);
  check_bytes(turned(1), {200, 10, 255, 60, 30, 240, 255, 80, 90, 128, 255, 250}, 0.01);
}

TEST_CASE("hues turn back, whatever range the values have", "[data]") {
  for (const float scale : {1.0f, -3.0f, 4e4f}) {
    Picture picture = noise(3, 9, 11);
    for (float& value : picture.values) value = (value - 0.25f) * scale;
    Picture turned = picture;
    shift_hue(turned.view(), 0.37f);
    CHECK(turned.values != picture.values);
    shift_hue(turned.view(), -0.37f);
    for (std::size_t i = 0; i < picture.values.size(); ++i)
      REQUIRE(turned.values[i] == Approx(picture.values[i]).margin(1e-5 * std::abs(scale)));
  }
}

TEST_CASE("saturation moves every pixel to its own grey or away from it", "[data]") {
  const auto saturated = [](float factor, bool clamp) {
    Picture picture = colors(kPixels);
    change_saturation(picture.view(), factor, clamp);
    return picture;
  };
  // By Pillow, which rounds the grey and cuts off the result.
  check_bytes(saturated(0.01f, true), {89, 156, 255, 92, 87, 158, 255, 92, 88, 157, 255, 94}, 1.5);
  check_bytes(saturated(0.5f, true), {144, 84, 255, 76, 59, 199, 255, 86, 89, 143, 255, 171}, 1.5);
  check_bytes(saturated(1.99f, true), {255, 0, 255, 27, 0, 255, 255, 67, 91, 98, 255, 255}, 1.5);
  const Picture free = saturated(1.99f, false);
  CHECK(free.values[0] > 1);
  CHECK(free.values[1] < 0);
  const Picture none = saturated(0, true);
  for (std::size_t x = 0; x < 4; ++x) {
    CHECK(none.values[x] == none.values[4 + x]);
    CHECK(none.values[x] == none.values[8 + x]);
  }
}

TEST_CASE("grey comes with its probability", "[data]") {
  const Picture picture = noise(3, 4, 4);
  int greys = 0;
  for (int i = 0; i < 2000; ++i) {
    const Picture now = changed(picture, RandomGrayscaleSpec{0.3}, i);
    const bool is_grey = now.values != picture.values;
    if (is_grey) REQUIRE(now.at(0, 1, 2) == now.at(2, 1, 2));
    greys += is_grey;
  }
  CHECK(greys == Approx(600).margin(80));
  CHECK(changed(picture, RandomGrayscaleSpec{0}, 1).values == picture.values);
}

/// 20 x 20 pixels of 16 levels, 50 to 200, and what each of them has become.
Picture levels() {
  Picture picture{{}, 1, 20, 20};
  for (int y = 0; y < 20; ++y)
    for (int x = 0; x < 20; ++x)
      picture.values.push_back(static_cast<float>(50 + 10 * ((x * y + x) % 16)) / 255.0f);
  return picture;
}
std::vector<int> table(const Picture& after) {
  const Picture before = levels();
  std::map<int, std::set<int>> became;
  for (std::size_t i = 0; i < before.values.size(); ++i)
    became[static_cast<int>(std::lround(before.values[i] * 255.0f))].insert(
        static_cast<int>(std::lround(after.values[i] * 255.0f)));
  std::vector<int> bytes;
  for (const auto& [from, to] : became) {
    REQUIRE(to.size() == 1);
    bytes.push_back(*to.begin());
  }
  return bytes;
}

TEST_CASE("tones become what Pillow makes of them", "[data]") {
  const auto after = [](const auto& change) {
    Picture picture = levels();
    change(picture.view());
    return table(picture);
  };
  CHECK(after([](const FloatImageView& v) { equalize(v); }) ==
        std::vector{0, 80, 93, 119, 133, 171, 183, 209, 221, 255, 255, 255, 255, 255, 255, 255});
  CHECK(after([](const FloatImageView& v) { stretch_contrast(v); }) ==
        std::vector{0, 17, 34, 51, 68, 85, 102, 119, 136, 153, 170, 187, 204, 221, 238, 255});
  CHECK(after([](const FloatImageView& v) { posterize(v, 8); }) == table(levels()));
  CHECK(after([](const FloatImageView& v) { posterize(v, 4); }) ==
        std::vector{48, 48, 64, 80, 80, 96, 96, 112, 128, 128, 144, 160, 160, 176, 176, 192});
  CHECK(after([](const FloatImageView& v) { posterize(v, 2); }) ==
        std::vector{0, 0, 64, 64, 64, 64, 64, 64, 128, 128, 128, 128, 128, 128, 128, 192});
  CHECK(after([](const FloatImageView& v) { solarize(v, 110 / 255.0f); }) ==
        std::vector{50, 60, 70, 80, 90, 100, 145, 135, 125, 115, 105, 95, 85, 75, 65, 55});
}

TEST_CASE("pictures without tones stay as they are", "[data]") {
  Picture flat = grey(20, 20, std::vector<int>(400, 77));
  const Floats before = flat.values;
  equalize(flat.view());
  stretch_contrast(flat.view());
  CHECK(flat.values == before);
  Picture tiny = noise(3, 5, 6);
  const Floats tiny_before = tiny.values;
  equalize(tiny.view());
  CHECK(tiny.values == tiny_before);
}

TEST_CASE("sharpness mixes a picture with its smooth form, except at the border", "[data]") {
  const Picture picture =
      grey(4, 5, {0, 37, 74, 111, 148, 185, 233, 25, 73, 121, 114, 173, 232, 35, 94, 43, 113, 183, 253, 67});
  const auto after = [&](float factor, bool clamp) {
    Picture sharp = picture;
    Floats other(sharp.values.size());
    change_sharpness(sharp.view(), factor, clamp, other);
    return sharp;
  };
  check_bytes(after(0.01f, true),
              {0, 37, 74, 111, 148, 185, 154, 83, 92, 121, 114, 153, 173, 93, 94, 43, 113, 183, 253, 67},
              1.5);
  check_bytes(after(1.99f, true),
              {0, 37, 74, 111, 148, 185, 255, 0, 53, 121, 114, 192, 255, 0, 94, 43, 113, 183, 253, 67}, 1.5);
  CHECK(after(1.99f, false).at(0, 1, 2) < 0);
  Picture row = noise(1, 1, 9);
  Floats other(9);
  change_sharpness(row.view(), 0, true, other);
  CHECK(row.values == noise(1, 1, 9).values);
}

TEST_CASE("shears and shifts of one change agree with Pillow's", "[data]") {
  Picture picture{{}, 1, 6, 7};
  for (int y = 0; y < 6; ++y)
    for (int x = 0; x < 7; ++x)
      picture.values.push_back(static_cast<float>((29 * (7 * y + x) + y * x * 13) % 256) / 255.0f);
  const auto check = [](const Picture& now, int y, int x, std::vector<int> expected) {
    for (const int byte : expected) {
      INFO(y << ", " << x);
      CHECK(static_cast<double>(now.at(0, y, x++)) * 255 == Approx(byte).margin(1.01));  // Pillow cuts off
    }
  };
  const Picture right = trivial(picture, {TrivialChange::shear_x, 10, false});  // 0.33
  check(right, 0, 0, {4, 33, 62, 91, 120, 149});
  check(right, 3, 0, {175, 203, 55, 123, 191});
  check(right, 5, 0, {161, 46, 93, 187, 72});
  const Picture up = trivial(picture, {TrivialChange::shear_y, 20, true});  // -0.66
  check(up, 1, 0, {136});
  check(up, 2, 0, {167, 244, 48});
  check(up, 5, 0, {180, 124, 223, 49, 113, 161, 191});
  const Picture moved = trivial(picture, {TrivialChange::translate_x, 3, false});  // 3.2 pixels, so 3
  check_bytes(moved, {0, 0, 0, 0,  29,  58,  87, 0, 0, 0, 203, 245, 31,  73, 0, 0, 0, 150, 205, 4,   59,
                      0, 0, 0, 97, 165, 233, 45, 0, 0, 0, 44,  125, 206, 31, 0, 0, 0, 247, 85,  179, 17},
              0.01);
  const Picture down = trivial(picture, {TrivialChange::translate_y, 2, false});
  for (int x = 0; x < 7; ++x) {
    CHECK(down.at(0, 1, x) == 0);
    CHECK(down.at(0, 2, x) == picture.at(0, 0, x));
    CHECK(trivial(picture, {TrivialChange::translate_y, 2, true}).at(0, 0, x) == picture.at(0, 2, x));
  }
  CHECK(trivial(picture, {TrivialChange::translate_x, 30, true}).values == Floats(42, 0.0f));
  CHECK(trivial(picture, {TrivialChange::rotate, 20, false}).at(0, 3, 3) ==  // 90 degrees
        Approx(changed(picture, RandomRotateSpec{{90, 90}}, 0).at(0, 3, 3)));
  CHECK(trivial(picture, {TrivialChange::translate_x, 3, false}, true, Border::reflect).at(0, 0, 0) > 0);
}

TEST_CASE("the strengths of TrivialAugment are those of its wide space", "[data]") {
  Picture picture = noise(3, 20, 20);
  const auto same = [&](TrivialChange change, int step, bool negative, const auto& expected) {
    Picture by_hand = picture;
    expected(by_hand.view());
    INFO(static_cast<int>(change) << ", step " << step);
    const bool same_values = trivial(picture, {change, step, negative}).values == by_hand.values;
    CHECK(same_values);
  };
  using View = const FloatImageView&;
  same(TrivialChange::identity, 30, true, [](View) {});
  same(TrivialChange::brightness, 30, false, [](View v) { change_brightness(v, 1.99f, true); });
  same(TrivialChange::color, 30, true, [](View v) { change_saturation(v, 0.01f, true); });
  same(TrivialChange::contrast, 15, false, [](View v) { change_contrast(v, 1.495f, true); });
  same(TrivialChange::posterize, 2, false, [](View) {});
  same(TrivialChange::posterize, 3, true, [](View v) { posterize(v, 7); });
  same(TrivialChange::posterize, 30, false, [](View v) { posterize(v, 2); });
  same(TrivialChange::solarize, 30, false, [](View v) { solarize(v, 0); });
  same(TrivialChange::solarize, 2, false, [](View v) { solarize(v, 238 / 255.0f); });
  same(TrivialChange::auto_contrast, 0, false, [](View v) { stretch_contrast(v); });
  same(TrivialChange::equalize, 0, false, [](View v) { equalize(v); });
  Floats other(picture.values.size());
  same(TrivialChange::sharpness, 30, false, [&](View v) { change_sharpness(v, 1.99f, true, other); });
  const Picture one = noise(1, 6, 6);
  CHECK(trivial(one, {TrivialChange::color, 30, false}).values == one.values);
}

TEST_CASE("TrivialAugment draws every change and every strength alike", "[data]") {
  constexpr int kTimes = 40000;
  std::array<int, kTrivialChanges> changes{};
  std::array<int, kTrivialSteps> steps{};
  int negative = 0;
  Random random(1, Purpose::augmentation);
  for (int i = 0; i < kTimes; ++i) {
    const TrivialDraw draw = draw_trivial(random);
    ++changes[static_cast<std::size_t>(draw.change)];
    ++steps[static_cast<std::size_t>(draw.step)];
    negative += draw.negative;
  }
  for (const int count : changes) CHECK(count == Approx(kTimes / 14.0).epsilon(0.1));
  for (const int count : steps) CHECK(count == Approx(kTimes / 31.0).epsilon(0.15));
  CHECK(negative == Approx(kTimes / 2.0).epsilon(0.05));
}

TEST_CASE("no change of TrivialAugment leaves 0..1, for any size and any number of channels", "[data]") {
  for (const auto& [channels, height, width] : {std::array{1, 1, 1}, {3, 2, 33}, {1, 28, 28}, {3, 32, 40}})
    for (int change = 0; change < kTrivialChanges; ++change)
      for (const int step : {0, 7, 30})
        for (const bool negative : {false, true}) {
          const Picture now =
              trivial(noise(channels, height, width), {static_cast<TrivialChange>(change), step, negative});
          for (const float value : now.values) {
            INFO(change << ", step " << step << ": " << value);
            REQUIRE(value >= 0);
            REQUIRE(value <= 1);
          }
        }
}

TEST_CASE("a crop of random shape has torchvision's area and ratio", "[data]") {
  const RandomResizedCropSpec crop;
  constexpr int kTimes = 20000, kSide = 400;
  double area = 0, logarithm = 0, least = 1, most = 0;
  int high = 0;
  Random random(3, Purpose::augmentation);
  for (int i = 0; i < kTimes; ++i) {
    const PixelBox box = draw_crop(crop, kSide, kSide, random);
    REQUIRE(box.top >= 0);
    REQUIRE(box.left >= 0);
    REQUIRE(box.top + box.height <= kSide);
    REQUIRE(box.left + box.width <= kSide);
    const double share = double(box.height) * box.width / (kSide * kSide);
    const double ratio = double(box.width) / box.height;
    area += share, least = std::min(least, share), most = std::max(most, share);
    logarithm += std::log(ratio);
    high += ratio > 1;
    REQUIRE(ratio == Approx(1).margin(0.35));
  }
  CHECK(least == Approx(0.08).margin(0.005));
  CHECK(most > 0.95);
  // 0.54, less what is drawn anew because it does not fit: 0.479 by the same procedure in Python.
  CHECK(area / kTimes == Approx(0.479).margin(0.007));
  CHECK(logarithm / kTimes == Approx(0).margin(0.01));
  CHECK(high == Approx(kTimes / 2.0).epsilon(0.05));
}

TEST_CASE("a crop that never fits is the largest one in the middle", "[data]") {
  Random random(3, Purpose::augmentation);
  const RandomResizedCropSpec wide{{1, 1}, {2, 2}}, tall{{1, 1}, {0.5, 0.5}}, any{{1, 1}, {0.5, 3}};
  CHECK(draw_crop(wide, 40, 40, random) == PixelBox{10, 0, 20, 40});
  CHECK(draw_crop(tall, 40, 40, random) == PixelBox{0, 10, 40, 20});
  CHECK(draw_crop(wide, 1, 1, random) == PixelBox{0, 0, 1, 1});
  const PixelBox box = draw_crop(any, 40, 80, random);
  CHECK(box == PixelBox{0, 0, 40, 80});
}

TEST_CASE("a box is enlarged as Pillow does it", "[data]") {
  Picture picture{{}, 1, 6, 7};
  for (int y = 0; y < 6; ++y)
    for (int x = 0; x < 7; ++x)
      picture.values.push_back(static_cast<float>((29 * (7 * y + x) + y * x * 13) % 256) / 255.0f);
  Picture out{Floats(42, std::nanf("")), 1, 6, 7};
  BoxEnlarger enlarger;
  enlarger.apply({1, 2, 4, 3}, picture.values.data(), out.view());
  check_bytes(out, {31,  37,  55,  73, 91, 109, 115, 18,  25,  45,  66, 87, 108, 115,
                    42,  44,  50,  57, 81, 105, 114, 195, 174, 111, 47, 76, 104, 113,
                    220, 194, 116, 38, 70, 102, 113, 206, 181, 106, 31, 66, 100, 112},
              1);
  enlarger.apply({0, 0, 6, 7}, picture.values.data(), out.view());
  CHECK(out.values == picture.values);
  enlarger.apply({5, 6, 1, 1}, picture.values.data(), out.view());
  CHECK(out.values == Floats(42, picture.values.back()));
}

TEST_CASE("a crop of the whole image is the image", "[data]") {
  const Picture picture = noise(3, 8, 8);
  CHECK(changed(picture, RandomResizedCropSpec{{1, 1}, {1, 1}}, 4).values == picture.values);
  CHECK(changed(picture, RandomResizedCropSpec{}, 4).values != picture.values);
}

TEST_CASE("erasing fills one box, now and then, with torchvision's area", "[data]") {
  constexpr int kSide = 60, kTimes = 3000;
  const Picture white{Floats(3 * kSide * kSide, 1.0f), 3, kSide, kSide};
  int erased = 0;
  double area = 0;
  for (int i = 0; i < kTimes; ++i) {
    const Picture now = changed(white, RandomErasingSpec{}, i);
    int count = 0, top = kSide, bottom = -1, left = kSide, right = -1;
    for (int y = 0; y < kSide; ++y)
      for (int x = 0; x < kSide; ++x) {
        if (now.at(0, y, x) == 1) continue;
        REQUIRE(now.at(0, y, x) == 0.5f);
        REQUIRE(now.at(1, y, x) == 0.25f);
        REQUIRE(now.at(2, y, x) == 0.125f);
        ++count;
        top = std::min(top, y), bottom = std::max(bottom, y);
        left = std::min(left, x), right = std::max(right, x);
      }
    if (count == 0) continue;
    ++erased;
    REQUIRE(count == (bottom - top + 1) * (right - left + 1));
    area += double(count) / (kSide * kSide);
  }
  CHECK(erased == Approx(kTimes / 2.0).epsilon(0.08));
  CHECK(area / erased == Approx(0.175).margin(0.01));
}

TEST_CASE("erasing may fill with a grey, and leaves what no box fits into", "[data]") {
  const Picture picture = noise(3, 30, 30);
  const auto count = [&](const RandomErasingSpec& erasing, float value) {
    int found = 0;
    for (const float v : changed(picture, erasing, 3).values) found += v == value;
    return found;
  };
  CHECK(count({.p = 1, .scale = {0.25, 0.25}, .ratio = {1, 1}, .value = 0.3}, 0.3f) == 3 * 15 * 15);
  CHECK(changed(picture, RandomErasingSpec{.p = 1, .scale = {1, 1}, .value = {}}, 3).values ==
        picture.values);
  CHECK(changed(picture, RandomErasingSpec{.p = 0, .value = {}}, 3).values == picture.values);
}

TEST_CASE("random changes depend on epoch and image, and on nothing else", "[data]") {
  const Picture picture = noise(3, 24, 20);
  for (const AugmentSpec& change :
       {AugmentSpec(RandomResizedCropSpec{}), AugmentSpec(HueSpec{{-0.5, 0.5}}),
        AugmentSpec(SaturationSpec{{0, 2}}), AugmentSpec(RandomErasingSpec{.p = 1, .value = {}}),
        AugmentSpec(TrivialAugmentSpec{}), AugmentSpec(RandomGrayscaleSpec{0.5})}) {
    std::set<Floats> looks;
    for (std::int64_t i = 0; i < 20; ++i) {
      const Floats once = changed(picture, change, i).values;
      CHECK(once == changed(picture, change, i).values);
      looks.insert(once);
      looks.insert(changed(picture, change, i, 2).values);
    }
    CHECK(looks.size() >= 2);
    if (!std::holds_alternative<RandomGrayscaleSpec>(change)) CHECK(looks.size() > 10);
  }
}

}  // namespace
}  // namespace cnn
