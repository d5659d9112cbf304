// What --init chooses, without a program and without a file: on surveys that are made up.
#include "catch.h"
#include "config/config.h"
#include "starter/choices.h"
#include "starter/first_config.h"

namespace cnn {
namespace {

/// A folder and what a look at it told: `images` of each class, all good, color, of one size.
struct Found {
  FolderLayout layout;
  FolderSurvey survey;
  FoundClasses classes;

  Found(std::vector<std::string> names, std::int64_t images, int height, int width) {
    classes.names = names;
    classes.counts.assign(names.size(), images);
    classes.good = classes.counts;
    survey.looked_at = survey.good = images * static_cast<std::int64_t>(names.size());
    survey.height = {height, height, height};
    survey.width = {width, width, width};
    survey.aspect_low = survey.aspect = survey.aspect_high = static_cast<double>(width) / height;
  }
  Choices choose(const InitWishes& wishes = {}) const { return cnn::choose(layout, survey, classes, wishes); }
};

TEST_CASE("small images of one size stay as they are, large ones become as small as they may", "[starter]") {
  CHECK(Found({"cat", "dog"}, 50, 28, 28).choose().image.value ==
        ImageSpec{.channels = 3, .height = 28, .width = 28});
  CHECK(Found({"cat", "dog"}, 50, 200, 400).choose().image.value ==
        ImageSpec{.channels = 3, .height = 48, .width = 96});
  Found shapes({"cat", "dog"}, 50, 100, 100);
  shapes.survey.width.least = 50;
  shapes.survey.aspect_low = 0.5;
  CHECK(shapes.choose().image.value.resize == Resize::fit);
  Found grey({"cat", "dog"}, 50, 28, 28);
  grey.survey.grey = grey.survey.good;
  CHECK(grey.choose().image.value.channels == 1);
}

TEST_CASE("things are mirrored; signs, digits and grey images are not", "[starter]") {
  const auto flips = [](const char* name) {
    return Found({"dog", name}, 50, 32, 32).choose().flip.value.has_value();
  };
  CHECK(flips("phone"));
  CHECK(flips("dog_12"));
  CHECK_FALSE(flips("turn-left"));
  CHECK_FALSE(flips("7"));
  CHECK_FALSE(flips("One"));
  Found grey({"cat", "dog"}, 50, 28, 28);
  grey.survey.grey = grey.survey.good;
  CHECK_FALSE(grey.choose().flip.value);
}

TEST_CASE("the network grows with the classes, and its last layer has a unit for each", "[starter]") {
  const auto first_and_last = [](std::size_t classes) {
    std::vector<std::string> names;
    for (std::size_t c = 0; c < classes; ++c) names.push_back("thing" + std::to_string(c));
    const NetworkSpec network = Found(names, 4, 32, 32).choose().network.value;
    return std::pair(std::get<ConvSpec>(network.front().spec).out_channels,
                     std::get<DenseSpec>(network.back().spec).units);
  };
  CHECK(first_and_last(3) == std::pair(32, 3));
  CHECK(first_and_last(25) == std::pair(32, 25));
  const auto maps = [](const char* second, std::int64_t images) {
    const Found found({"cat", second}, images, 32, 32);
    return std::get<ConvSpec>(found.choose().network.value.front().spec).out_channels;
  };
  CHECK(maps("dog", 499) == 32);  // every time another look
  CHECK(maps("dog", 500) == 16);
  CHECK(maps("7", 499) == 16);
}

TEST_CASE("few images of a class become many: all sorts of changes for things, slight ones for signs",
          "[starter]") {
  const auto chosen = [](const char* second, std::int64_t images) {
    return Found({"cat", second}, images, 32, 32).choose();
  };
  const auto types = [&](const char* second, std::int64_t images) {
    std::vector<std::size_t> indices;
    for (const AugmentSpec& change : chosen(second, images).changes.value) indices.push_back(change.index());
    return indices;
  };
  const auto index = [](const AugmentSpec& spec) { return spec.index(); };
  CHECK(types("dog", 499) == std::vector{index(TrivialAugmentSpec())});
  CHECK(types("7", 499) == std::vector{index(RandomRotateSpec()), index(RandomScaleSpec()),
                                       index(BrightnessSpec()), index(ContrastSpec())});
  CHECK(types("dog", 500).empty());
  CHECK(chosen("dog", 499).label_smoothing.value == 0.1);
  CHECK(chosen("dog", 500).label_smoothing.value == 0);
}

TEST_CASE("what the user wishes goes before the rules", "[starter]") {
  const Found found({"cat", "dog"}, 50, 200, 300);
  const Choices chosen = found.choose({.side = 160, .epochs = 7, .network = NetworkSize::large});
  CHECK(chosen.image.value.width == 160);
  CHECK(chosen.image.value.height == 108);  // of the images' shape
  CHECK_THAT(chosen.image.why, ContainsSubstring("160x108: as asked for"));
  CHECK(chosen.epochs.value == 7);
  CHECK_THAT(chosen.epochs.why, ContainsSubstring("7 epochs were asked for"));
  const auto maps = [&](NetworkSize size) {
    return std::get<ConvSpec>(found.choose({.network = size}).network.value.front().spec).out_channels;
  };
  CHECK(maps(NetworkSize::small) == 16);
  CHECK(maps(NetworkSize::medium) == 32);
  CHECK(maps(NetworkSize::large) == 64);
  CHECK(found.choose({.network = NetworkSize::medium}).network.value == found.choose().network.value);
}

TEST_CASE("what is held back and how long is trained depend on the number of images", "[starter]") {
  const auto of = [](std::int64_t images) { return Found({"cat", "dog"}, images, 32, 32).choose(); };
  CHECK(of(100).held_back.value->fraction == 0.2);
  CHECK(of(5'000).held_back.value->fraction == 0.1);
  CHECK(of(50'000).held_back.value->fraction == 0.05);
  CHECK_FALSE(of(1).held_back.value);
  CHECK(of(100).epochs.value == 120);
  CHECK(of(5'000).epochs.value == 21);
  CHECK(of(100).batch_size == 16);
  CHECK(of(100).epoch_images == 160);
  CHECK(of(100).epoch_steps == 10);
  CHECK(of(50'000).epochs.value == 10);
  CHECK(of(50'000).batch_size == 128);
  Found with_validation({"cat", "dog"}, 100, 32, 32);
  with_validation.layout.validation.emplace();
  CHECK_FALSE(with_validation.choose().held_back.value);
  CHECK(with_validation.choose().epoch_images == 200);
}

TEST_CASE("bad files among the images are skipped, otherwise one that comes later stops the training",
          "[starter]") {
  Found found({"cat", "dog"}, 50, 32, 32);
  found.survey.looked_at = found.survey.good = 0;  // the layout's list of files is empty
  CHECK(found.choose().bad_images.value == BadImages::fail);
  found.survey.looked_at = 100;
  CHECK(found.choose().bad_images.value == BadImages::skip);
  found.survey.bad.push_back({"cat/a.png", "is text, not an image"});
  CHECK_THAT(found.choose().bad_images.why,
             ContainsSubstring("for example cat/a.png (it is text, not an image)"));
}

}  // namespace
}  // namespace cnn
