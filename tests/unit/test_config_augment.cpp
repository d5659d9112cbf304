#include "catch.h"
#include "config_example.h"

namespace cnn {
namespace {

std::string with_augment(const std::string& entries) {
  return edited(R"("train": "train")", R"("train": "train", "augment": [)" + entries + "]");
}

std::vector<AugmentSpec> augment_of(const std::string& entries) {
  return config_of(with_augment(entries)).data.augment;
}

TEST_CASE("every change of data.augment is read, with its defaults, and written again", "[config]") {
  using List = std::vector<AugmentSpec>;
  const auto check = [](const std::string& entries, const List& expected) {
    const Config config = config_of(with_augment(entries));
    CHECK(config.data.augment == expected);
    CHECK(config_of(resolved_json(config)).data.augment == expected);
  };
  check(
      R"({"type": "random_crop", "padding": 4}, {"type": "random_crop", "padding": 2, "border": "reflect"})",
      List{RandomCropSpec{4, Border::zero}, RandomCropSpec{2, Border::reflect}});
  check(R"({"type": "random_flip", "mode": "alternate"}, {"type": "random_flip", "p": 0.1})",
        List{RandomFlipSpec{0.5, RandomFlipSpec::Mode::alternate}, RandomFlipSpec{0.1}});
  check(R"({"type": "random_rotate", "degrees": 15}, {"type": "random_rotate", "degrees": [-5, 400]})",
        List{RandomRotateSpec{{-15, 15}}, RandomRotateSpec{{-5, 400}}});
  check(
      R"({"type": "random_scale", "scale": 0.25}, {"type": "random_scale", "scale": [1, 1.5], "border": "reflect"})",
      List{RandomScaleSpec{{0.75, 1.25}}, RandomScaleSpec{{1, 1.5}, Border::reflect}});
  check(R"({"type": "elastic"}, {"type": "elastic", "alpha": 8, "sigma": 2.5, "border": "reflect"})",
        List{ElasticSpec{34, 4}, ElasticSpec{8, 2.5, Border::reflect}});
  check(R"({"type": "brightness", "factor": 0.5}, {"type": "contrast", "factor": [0, 3]})",
        List{BrightnessSpec{{0.5, 1.5}}, ContrastSpec{{0, 3}}});
  check(R"({"type": "cutout", "size": 8}, {"type": "mixup"})", List{CutoutSpec{8}, MixupSpec{1}});
  check(R"({"type": "mixup", "alpha": 0.2})", List{MixupSpec{0.2}});
}

TEST_CASE("mistakes in data.augment are told with their place", "[config]") {
  const auto message = [](const std::string& entries) { return message_of([&] { augment_of(entries); }); };
  CHECK(message(R"({"type": "random_crop", "padding": 28})") ==
        "a.json:2:97: /data/augment/0/padding: a shift by up to 28 pixels moves an image of 28x28 out of "
        "sight; use less than 28");
  CHECK(message(R"({"type": "random_flip", "mode": "alternate", "p": 0.3})") ==
        "a.json:2:112: /data/augment/0/p: only mode \"random\" has it: alternating flips mirror every second "
        "epoch; leave it out");
  CHECK(message(R"({"type": "random_rotate"})") ==
        "a.json:2:62: /data/augment/0/degrees: missing; expected [low, high] or d, a number >= 0, for [-d, "
        "d]");
  CHECK(message(R"({"type": "random_rotate", "degrees": -5})") ==
        "a.json:2:99: /data/augment/0/degrees: found -5, expected [low, high] or d, a number >= 0, for [-d, "
        "d]");
  CHECK(message(R"({"type": "random_scale", "scale": 1})") ==
        "a.json:2:96: /data/augment/0/scale: found 1, expected [low, high] or d, a number >= 0 and < 1, for "
        "[1-d, 1+d]");
  CHECK(message(R"({"type": "random_scale", "scale": [0, 1]})") ==
        "a.json:2:97: /data/augment/0/scale/0: found 0, expected a number > 0");
  CHECK(message(R"({"type": "contrast", "factor": [2, 1]})") ==
        "a.json:2:93: /data/augment/0/factor: found an array of 2 values, expected [low, high] with low <= "
        "high");
  CHECK(message(R"({"type": "contrast", "factor": "strong"})") ==
        "a.json:2:93: /data/augment/0/factor: found the string \"strong\", expected [low, high] or d, a "
        "number >= 0 and <= 1, for [1-d, 1+d]");
  CHECK(message(R"({"type": "elastic", "sigma": 0})") ==
        "a.json:2:91: /data/augment/0/sigma: found 0, expected a number > 0");
  CHECK(message(R"({"type": "mixup"}, {"type": "cutout", "size": 3})") ==
        "a.json:2:62: /data/augment/0: mixup mixes finished images; make it the last entry");
}

}  // namespace
}  // namespace cnn
