#include "starter/choices.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <string_view>

#include "core/text.h"
#include "data/subset.h"
#include "nn/network.h"
#include "starter/pretrained.h"

namespace cnn {
namespace {

int to_multiple(double value, int of) { return std::max(of, static_cast<int>(std::lround(value / of)) * of); }

Because<ImageSpec> choose_image(const FolderSurvey& survey, std::optional<int> wished_side) {
  ImageSpec image;
  image.channels = survey.all_grey() ? 1 : 3;
  const std::string color = survey.all_grey() ? " All are grey: one channel." : "";
  const int longer = std::max(survey.width.median, survey.height.median);
  // At 8 pixels there is room for one pooling.
  constexpr int kLeastSide = 8, kKept = 64;
  if (!wished_side && survey.one_size() && longer <= kKept) {
    image.height = std::max(kLeastSide, survey.height.median);
    image.width = std::max(kLeastSide, survey.width.median);
    const bool kept = image.height == survey.height.median && image.width == survey.width.median;
    return {image, (kept ? "All images have one small size: it is kept."
                         : fmt::format("All images have one very small size: they are enlarged to {}x{}, "
                                       "since the network needs sides of at least {} pixels.",
                                       image.width, image.height, kLeastSide)) +
                       color};
  }
  const int side = wished_side     ? *wished_side
                   : longer < 32   ? std::max(kLeastSide, longer)
                   : longer <= 36  ? 32
                   : longer <= 56  ? 48
                   : longer <= 140 ? 64
                                   : 96;
  // Networks learn slightly squeezed images as well; images far from square keep their shape.
  constexpr double kSquare = 1.35;
  const double aspect = std::clamp(survey.aspect, 1.0 / 3, 3.0);
  image.height = image.width = side;
  if (aspect > kSquare) image.height = std::max(kLeastSide, to_multiple(side / aspect, 4));
  if (aspect < 1 / kSquare) image.width = std::max(kLeastSide, to_multiple(side * aspect, 4));
  const double target = static_cast<double>(image.width) / image.height;
  const bool alike = survey.aspect_high < target * kSquare && survey.aspect_low > target / kSquare;
  image.resize = alike ? Resize::stretch : Resize::fit;
  std::string why =
      fmt::format("Every image is resized to {}x{}: {}. Larger is slower and sometimes better. ", image.width,
                  image.height, wished_side ? "as asked for" : "enough to tell most things apart, and quick");
  why += alike ? "Their shapes are about the same, so they are stretched to it."
               : "Their shapes differ, so they keep them and get black borders (\"fit\"); \"crop\" cuts to "
                 "the center instead.";
  return {image, why + color};
}

/// Whether, by the name alone, a mirrored image of class `name` surely still belongs to it.
bool may_be_mirrored(const std::string& name) {
  const auto letters = std::count_if(name.begin(), name.end(), [](char c) { return (c & 0xC0) != 0x80; });
  if (letters < 2) return false;  // a digit or a letter of some script
  static constexpr std::array<std::string_view, 27> kTold{
      "left",  "right", "turn",  "arrow", "sign", "digit", "letter", "number", "text",
      "clock", "speed", "limit", "zero",  "one",  "two",   "three",  "four",   "five",
      "six",   "seven", "eight", "nine",  "ten",  "stop",  "yield",  "word",   "char"};
  std::string lower = name;
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  // Whole words, so that a phone is not a one.
  std::string word;
  bool all_digits = true;
  for (const char c : lower + " ") {
    all_digits = all_digits && ((c >= '0' && c <= '9') || c == ' ');
    if ((c >= 'a' && c <= 'z') || (c & 0x80) != 0) {
      word += c;
      continue;
    }
    if (std::find(kTold.begin(), kTold.end(), word) != kTold.end()) return false;
    word.clear();
  }
  return !all_digits;
}

Because<std::optional<RandomFlipSpec>> choose_flip(const FoundClasses& classes, const ImageSpec& image) {
  for (const std::string& name : classes.names)
    if (!may_be_mirrored(name))
      return {std::nullopt,
              fmt::format(
                  "Mirrored images would double the data where left and right do not matter. Off, because "
                  "of class \"{}\": digits, letters and signs must not be mirrored.",
                  printable(name))};
  if (image.channels == 1)
    return {
        std::nullopt,
        "Mirrored images would double the data where left and right do not matter. Off, because grey images "
        "are often writing or scans; switch it on if a mirrored image is as good as the image."};
  return {RandomFlipSpec(),
          "Mirrored images double the data. Remove this if left and right matter: writing, signs, arrows."};
}

/// More than that, and a network sees enough without help.
constexpr std::int64_t kFewOfClass = 500;

/// Changes that make few images many. mirrored: left and right do not matter, and neither do large turns.
Because<std::vector<AugmentSpec>> choose_changes(std::int64_t images, std::size_t classes, bool mirrored) {
  if (images >= kFewOfClass * static_cast<std::int64_t>(classes)) return {{}, ""};
  if (mirrored)
    return {{TrivialAugmentSpec{.border = Border::reflect}},
            "One more change of random kind and strength, since there are few images of each class: turned, "
            "slanted, darker, other colors, ..."};
  const Range slightly{0.85, 1.15}, light{0.7, 1.3};
  return {{RandomRotateSpec{.degrees = {-15, 15}, .border = Border::reflect},
           RandomScaleSpec{.scale = slightly, .border = Border::reflect}, BrightnessSpec{.factor = light},
           ContrastSpec{.factor = light}},
          "Slight turns, other distances and other light, since there are few images of each class."};
}

Because<std::optional<RandomTranslateSpec>> choose_shift(const ImageSpec& image) {
  const int pixels = std::max(1, std::min(image.height, image.width) / 14);
  return {RandomTranslateSpec{.pixels = pixels, .border = Border::reflect},
          "Small shifts get more out of few images: objects may be a little off center."};
}

Because<BadImages> choose_bad_images(const FolderLayout& layout, const FolderSurvey& survey) {
  if (survey.bad.empty() && survey.looked_at == layout.train.size())
    return {BadImages::fail,
            fmt::format("Every {} can be read. If that changes, the training stops and names the bad files; "
                        "\"skip\" goes on without them.",
                        image_word(layout))};
  if (survey.bad.empty())
    return {BadImages::skip,
            "Not every image was opened: files that cannot be read are named and left out; \"fail\" stops "
            "instead."};
  return {BadImages::skip,
          fmt::format("{} of the {} cannot be read, for example {} (it {}). They are named and left out; "
                      "\"fail\" stops instead.",
                      with_commas(static_cast<std::int64_t>(survey.bad.size())),
                      counted(survey.looked_at, "opened image"), printable(survey.bad.front().path),
                      survey.bad.front().reason)};
}

/// images: of all classes. Nothing, where no class has a second image.
Because<std::optional<ValidationFraction>> choose_held_back(const std::vector<std::int64_t>& classes,
                                                            std::int64_t images) {
  if (*std::max_element(classes.begin(), classes.end()) <= 1)
    return {std::nullopt,
            "No class has a second image that could be held back for validation: nothing will tell how good "
            "the model is. With more images, add \"validation\": {\"fraction\": 0.2}."};
  const double fraction = images < 2000 ? 0.2 : images < 20'000 ? 0.1 : 0.05;
  return {ValidationFraction{fraction},
          fmt::format(
              "No images are set aside for validation, so {:.0f} % of every class are held back. They are "
              "measured after every epoch, to choose the best one.",
              100 * fraction)};
}

ConvSpec conv(int out_channels) {
  ConvSpec spec;
  spec.out_channels = out_channels;
  spec.kernel_size = {3, 3};
  spec.padding.amount = {1, 1};
  spec.bias = false;
  return spec;
}

/// From this number on, a network with more maps does more than memorize its images. So it does if they look
/// different every time.
constexpr std::int64_t kManyImages = 10'000;

/// Stages of convolution, batch norm and pooling, each with up to twice the maps of the one before on a
/// quarter of the pixels; two convolutions where the maps are small. Then a mean per map.
NetworkSpec choose_network(const ImageSpec& image, NetworkSize size, std::size_t classes) {
  NetworkSpec network;
  std::map<std::string, int> counts;  // entries are named as the reader of a config names them
  const auto add = [&](const char* type, auto spec) {
    network.push_back({fmt::format("{}{}", type, ++counts[type]), fmt::format("/network/{}", network.size()),
                       std::move(spec)});
  };
  const auto add_conv = [&](int channels) {
    add("conv", conv(channels));
    BatchNormSpec norm;
    norm.activation = ActivationFunction::relu;
    add("batch_norm", norm);
  };
  int channels = size == NetworkSize::small ? 16 : size == NetworkSize::medium ? 32 : 64;
  const int most_channels = 4 * channels;
  for (int side = std::min(image.height, image.width); side >= 6; side /= 2) {
    add_conv(channels);
    if (side < 16 || size == NetworkSize::large) add_conv(channels);
    add("max_pool", MaxPoolSpec{.kernel_size = {2, 2}, .stride = Size2{2, 2}});
    channels = std::min(most_channels, 2 * channels);
  }
  add("global_avg_pool", GlobalAvgPoolSpec());
  DenseSpec last;
  last.units = static_cast<int>(classes);
  add("dense", last);
  return network;
}

/// Asks the network itself.
NetworkOutputs outputs_of(const NetworkSpec& spec, const ImageSpec& image, int classes) {
  const Network network(spec, {.c = image.channels, .h = image.height, .w = image.width}, classes, 1);
  NetworkOutputs outputs;
  for (const LayerSummary& layer : network.layers()) outputs.shapes.push_back(to_string(layer.out));
  outputs.parameters = network.parameter_count();
  return outputs;
}

int choose_batch_size(std::int64_t images) {
  return images < 500 ? 16 : images < 10'000 ? 32 : images < 30'000 ? 64 : 128;
}

/// Enough steps for a small set, not too many looks at the same images.
int choose_epochs(std::int64_t steps) {
  constexpr double kSteps = 3000;
  return static_cast<int>(std::clamp(std::round(kSteps / static_cast<double>(steps)), 10.0, 120.0));
}

/// How long an epoch is, for a batch size that was chosen.
void count_steps(Choices& chosen) {
  chosen.epoch_steps = (chosen.epoch_images + chosen.batch_size - 1) / chosen.batch_size;
}

std::string epoch_words(const Choices& chosen) {
  return fmt::format("An epoch of {} has {}", counted(chosen.epoch_images, "training image"),
                     counted(chosen.epoch_steps, "step"));
}

/// A small network for these images.
void begin_anew(const FolderLayout& layout, const FolderSurvey& survey, const FoundClasses& classes,
                const InitWishes& wishes, std::int64_t images, Choices& chosen) {
  chosen.image = choose_image(survey, wishes.side);
  const ImageSpec& image = chosen.image.value;
  chosen.flip = choose_flip(classes, image);
  chosen.shift = choose_shift(image);
  const bool mirrored = chosen.flip.value.has_value();
  chosen.changes = choose_changes(images, classes.names.size(), mirrored);
  if (!chosen.changes.value.empty())
    chosen.label_smoothing = {0.1,
                              "Labels of 0.9 instead of 1: the network is not to be sure of what it has seen "
                              "a few times."};

  const auto units = static_cast<int>(classes.names.size());
  const bool many = layout.train.size() >= kManyImages || classes.names.size() > 20 ||
                    (mirrored && !chosen.changes.value.empty());
  const NetworkSize size = wishes.network.value_or(many ? NetworkSize::medium : NetworkSize::small);
  NetworkSpec network = choose_network(image, size, classes.names.size());
  chosen.outputs = outputs_of(network, image, units);
  chosen.network = {
      std::move(network),
      fmt::format("Convolutions look for patterns, more of them on ever fewer pixels; batch_norm lets them "
                  "learn quickly; the mean of every map goes to one last layer with a value per class. {} "
                  "weights in all. Many more would need more images than {}. The comments give the output of "
                  "each entry: maps x height x width.",
                  with_commas(chosen.outputs.parameters), with_commas(layout.train.size()))};

  chosen.batch_size = choose_batch_size(images);
  count_steps(chosen);
  const int epochs = wishes.epochs.value_or(choose_epochs(chosen.epoch_steps));
  chosen.epochs = {
      epochs, fmt::format("{}; {}. More epochs take longer and often help a little.", epoch_words(chosen),
                          wishes.epochs ? fmt::format("{} were asked for", counted(epochs, "epoch"))
                                        : fmt::format("{} epochs give the network enough of them", epochs))};
  chosen.optimizer = {
      {.decoupled_decay = true, .learning_rate = 0.003, .weight_decay = 0.01},
      "AdamW forgives a rate that is not the best one. If the loss does not fall, try 0.001."};
}

/// A new last layer on a network that has learned from other images.
void begin_with(const Pretrained& known, const InitWishes& wishes, int classes, Choices& chosen) {
  const ImageSpec& image = known.image;
  chosen.from = known.name;
  chosen.image = {
      image,
      fmt::format("{} as \"{}\" learned with. Smaller is quicker: --size.",
                  wishes.side ? "The size that was asked for, and the shape" : "Size and shape", known.name)};
  chosen.normalize = {known.normalize, "The values, too: with these numbers they are what the weights know."};
  const std::string why =
      "None: what the trunk makes of an image is computed once, and kept. With augmentation, add "
      "\"cached_views\": 4 to \"freeze\": so many looks at each image are kept.";
  chosen.flip = {std::nullopt, why};
  chosen.shift = {std::nullopt, ""};
  chosen.outputs = outputs_of(known.network, image, classes);
  chosen.network = {
      known.network,
      fmt::format("\"{}\", with a last layer for {}. The comments give the output of each entry: maps "
                  "x height x width.",
                  known.name, classes == 1 ? "1 class" : fmt::format("{} classes", classes))};
  chosen.batch_size = 32;
  count_steps(chosen);
  constexpr int kEpochs = 40;  // of one layer: they take no time
  chosen.epochs = {
      wishes.epochs.value_or(kEpochs),
      fmt::format("{}. Only the last layer learns, so the first epoch takes most of the time: all "
                  "images go through the whole network once.",
                  epoch_words(chosen))};
  chosen.optimizer = {{.decoupled_decay = true, .learning_rate = 0.01, .weight_decay = 0.01},
                      "AdamW forgives a rate that is not the best one; a single layer takes a high one."};
  chosen.start = {known.start, "The weights, but for those of the last layer."};
  chosen.freeze = {
      FreezeSpec(),
      "All but the last layer stay as they are. To let them learn as well, slowly, after 20 epochs: "
      "{\"layers\": \"trunk\", \"unfreeze\": {\"after_epochs\": 20, \"learning_rate_scale\": "
      "0.01}}."};
}

}  // namespace

const char* image_word(const FolderLayout& layout) {
  return layout.validation || layout.test ? "training image" : "image";
}

Choices choose(const FolderLayout& layout, const FolderSurvey& survey, const FoundClasses& classes,
               const InitWishes& wishes) {
  Choices chosen;
  chosen.bad_images = choose_bad_images(layout, survey);
  const auto images = std::accumulate(classes.good.begin(), classes.good.end(), std::int64_t{0});
  chosen.epoch_images = images;
  if (!layout.validation) chosen.held_back = choose_held_back(classes.good, images);
  if (const auto& held_back = chosen.held_back.value)
    for (const std::int64_t n : classes.good) chosen.epoch_images -= held_back_of(n, held_back->fraction);
  chosen.schedule = {OneCycleSchedule(),
                     "The rate goes up and then down to zero: the last epochs are the best ones."};
  if (wishes.from.empty()) {
    begin_anew(layout, survey, classes, wishes, images, chosen);
  } else {
    const auto units = static_cast<int>(classes.names.size());
    begin_with(recognize_weights(wishes.from, units, wishes.side.value_or(0)), wishes, units, chosen);
  }
  return chosen;
}

}  // namespace cnn
