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
  check(
      R"({"type": "random_resized_crop"}, {"type": "random_resized_crop", "scale": [0.5, 1], "ratio": [1, 1]})",
      List{RandomResizedCropSpec{{0.08, 1}, {3.0 / 4, 4.0 / 3}}, RandomResizedCropSpec{{0.5, 1}, {1, 1}}});
  check(
      R"({"type": "random_erasing"}, {"type": "random_erasing", "p": 1, "scale": [0.1, 0.2], "ratio": [1, 2], "value": 0})",
      List{RandomErasingSpec{0.5, {0.02, 0.33}, {0.3, 3.3}, std::nullopt},
           RandomErasingSpec{1, {0.1, 0.2}, {1, 2}, 0}});
  check(R"({"type": "random_erasing", "value": "mean"})", List{RandomErasingSpec{}});
  check(R"({"type": "trivial_augment"}, {"type": "trivial_augment", "border": "reflect"})",
        List{TrivialAugmentSpec{Border::zero}, TrivialAugmentSpec{Border::reflect}});
}

TEST_CASE("changes of colors are read where there are colors", "[config]") {
  const auto config = [](const std::string& channels, const std::string& entries) {
    return edited(
        R"("channels": 1, "height": 28, "width": 28})",
        R"("channels": )" + channels + R"(, "height": 28, "width": 28}, "augment": [)" + entries + "]");
  };
  const std::string entries =
      R"({"type": "hue", "shift": 0.1}, {"type": "hue", "shift": [0, 0.5]}, {"type": "saturation", "factor": 0.4}, {"type": "random_grayscale"}, {"type": "random_grayscale", "p": 1})";
  const std::vector<AugmentSpec> list{HueSpec{{-0.1, 0.1}}, HueSpec{{0, 0.5}}, SaturationSpec{{0.6, 1.4}},
                                      RandomGrayscaleSpec{0.1}, RandomGrayscaleSpec{1}};
  const Config read = config_of(config("3", entries));
  CHECK(read.data.augment == list);
  CHECK(config_of(resolved_json(read)).data.augment == list);
  for (const std::string type : {"hue", "saturation", "random_grayscale"}) {
    const std::string key = type == "hue"          ? R"(, "shift": 0.1)"
                            : type == "saturation" ? R"(, "factor": 0.4)"
                                                   : "";
    const std::string message =
        message_of([&] { config_of(config("1", R"({"type": ")" + type + R"(")" + key + "}")); });
    INFO(message);
    CHECK(message.find("/data/augment/0: " + type +
                       " changes colors, but \"image\" asks for 1 channel; remove it, or set \"channels\" to "
                       "3") != std::string::npos);
  }
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
  CHECK(message(R"({"type": "hue", "shift": 0.6})") ==
        "a.json:2:87: /data/augment/0/shift: found 0.6, expected [low, high] or d, a number >= 0 and <= 0.5, "
        "for "
        "[-d, d]");
  CHECK(message(R"({"type": "random_resized_crop", "scale": 0.5})") ==
        "a.json:2:103: /data/augment/0/scale: found 0.5, expected [low, high], each a number > 0 and <= 1");
  CHECK(message(R"({"type": "random_resized_crop", "ratio": [2, 1]})") ==
        "a.json:2:103: /data/augment/0/ratio: found an array of 2 values, expected [low, high] with low <= "
        "high");
  CHECK(message(R"({"type": "random_erasing", "value": "random"})") ==
        "a.json:2:98: /data/augment/0/value: found the string \"random\", expected \"mean\" or a number >= 0 "
        "and "
        "<= 1");
  CHECK(message(R"({"type": "mixup"}, {"type": "cutout", "size": 3})") ==
        "a.json:2:62: /data/augment/0: mixup mixes finished images; make it the last entry");
}

}  // namespace
}  // namespace cnn
