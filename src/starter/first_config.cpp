#include "starter/first_config.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "config/config.h"
#include "core/error.h"
#include "core/text.h"
#include "data/open_dataset.h"
#include "data/subset.h"
#include "nn/network.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

/// A decision and its reason, in words for a comment.
template <class Value>
struct Because {
  Value value;
  std::string why;
};

/// Text as a JSON string. Throws Error (exit 2) if it is no UTF-8.
std::string quoted(const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) {
    fail_usage("\"{}\" is no UTF-8, and a config can only name files in UTF-8; rename it", printable(text));
  }
}

// --- What was found ---------------------------------------------------------------------------------------

/// The classes that a training can have, with their numbers of image files.
struct Classes {
  std::vector<std::string> names;
  std::vector<std::int64_t> counts;
  std::vector<std::int64_t> good;  ///< the same without those that are known to be bad
};

Classes find_classes(const ImageFiles& files, const FolderSurvey& survey) {
  const std::vector<std::int64_t> none(files.classes.size());
  Classes all{files.classes, none, none}, useful;
  std::unordered_set<std::string> bad;
  for (const BadFile& file : survey.bad) bad.insert(file.path);
  for (std::int64_t i = 0; i < files.size(); ++i) {
    const auto label = static_cast<std::size_t>(files.label(i));
    ++all.counts[label];
    all.good[label] += bad.count(files.path(i).string()) == 0;
  }
  for (std::size_t c = 0; c < all.names.size(); ++c) {
    const auto& useless = survey.useless_classes;
    if (std::find(useless.begin(), useless.end(), all.names[c]) != useless.end()) continue;
    useful.names.push_back(all.names[c]);
    useful.counts.push_back(all.counts[c]);
    useful.good.push_back(all.good[c]);
  }
  if (useful.names.size() < 2)
    fail_usage(
        "{}: there is one class (\"{}\") with images that can be read; a classifier needs at least 2\n{}",
        files.where, printable(join(useful.names)), list_bad_files(survey.bad, 10));
  return useful;
}

/// Folders that look like classes, and that a training would stop at.
std::vector<std::string> useless_notes(const ImageFiles& files, const FolderSurvey& survey) {
  std::vector<std::string> notes;
  for (const auto* folders : {&files.bad_folders, &survey.useless_classes})
    for (const std::string& folder : *folders)
      notes.push_back(fmt::format(
          "Not one image of \"{}\" can be read, so it does not count as a class, and a training stops at it: "
          "remove the folder, or mend the images and run --init again.",
          printable(folder)));
  return notes;
}

std::string size_words(const FolderSurvey& survey) {
  const auto& [width, height] = std::pair(survey.width, survey.height);
  if (survey.one_size()) return fmt::format("{}x{} pixels", width.median, height.median);
  return fmt::format("width {} to {} (median {}), height {} to {} (median {})", width.least, width.most,
                     width.median, height.least, height.most, height.median);
}

std::string color_words(const FolderSurvey& survey) {
  if (survey.all_grey()) return "all grey";
  if (survey.grey == 0) return "color";
  return fmt::format("color ({:.0f} % of them grey)",
                     100.0 * static_cast<double>(survey.grey) / static_cast<double>(survey.good));
}

std::string count_words(const std::vector<std::int64_t>& counts) {
  const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
  return *least == *most ? fmt::format("{} each", with_commas(*most))
                         : fmt::format("{} to {} each", with_commas(*least), with_commas(*most));
}

/// What about the numbers of images deserves a warning.
std::vector<std::string> count_notes(const Classes& classes) {
  const std::vector<std::int64_t>& counts = classes.counts;
  std::vector<std::string> notes;
  const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
  const auto name = [&](auto at) {
    return printable(classes.names[static_cast<std::size_t>(at - counts.begin())]);
  };
  if (*most > 3 * *least)
    notes.push_back(
        fmt::format("The classes are uneven: \"{}\" has {}, \"{}\" only {}. The accuracy can look good while "
                    "small classes are missed; cnn-eval shows each of them.",
                    name(most), counted(*most, "image"), name(least), with_commas(*least)));
  constexpr std::int64_t kTiny = 10;
  std::vector<std::string> tiny;
  for (std::size_t c = 0; c < counts.size(); ++c)
    if (counts[c] < kTiny) tiny.push_back(printable(classes.names[c]));
  const std::size_t all = tiny.size();
  if (tiny.size() > 5) tiny.resize(5);
  if (all > 0)
    notes.push_back(fmt::format("{} with fewer than {} images ({}{}): expect little of {}.",
                                all == 1 ? "1 class" : fmt::format("{} classes", all), kTiny, join(tiny),
                                all > tiny.size() ? ", ..." : "", all == 1 ? "it" : "them"));
  return notes;
}

// --- What is chosen ---------------------------------------------------------------------------------------

int to_multiple(double value, int of) { return std::max(of, static_cast<int>(std::lround(value / of)) * of); }

Because<ImageSpec> choose_image(const FolderSurvey& survey) {
  ImageSpec image;
  image.channels = survey.all_grey() ? 1 : 3;
  const std::string color = survey.all_grey() ? " All are grey: one channel." : "";
  const int longer = std::max(survey.width.median, survey.height.median);
  // At 8 pixels there is room for one pooling.
  constexpr int kLeastSide = 8, kKept = 64;
  if (survey.one_size() && longer <= kKept) {
    image.height = std::max(kLeastSide, survey.height.median);
    image.width = std::max(kLeastSide, survey.width.median);
    const bool kept = image.height == survey.height.median && image.width == survey.width.median;
    return {image, (kept ? "All images have one small size: it is kept."
                         : fmt::format("All images have one very small size: they are enlarged to {}x{}, "
                                       "since the network takes no side of less than {} pixels.",
                                       image.width, image.height, kLeastSide)) +
                       color};
  }
  const int side = longer < 32     ? std::max(kLeastSide, longer)
                   : longer <= 36  ? 32
                   : longer <= 56  ? 48
                   : longer <= 140 ? 64
                                   : 96;
  // Networks learn slightly squeezed images as well; what is far from square keeps its shape.
  constexpr double kSquare = 1.35;
  const double aspect = std::clamp(survey.aspect, 1.0 / 3, 3.0);
  image.height = image.width = side;
  if (aspect > kSquare) image.height = std::max(kLeastSide, to_multiple(side / aspect, 4));
  if (aspect < 1 / kSquare) image.width = std::max(kLeastSide, to_multiple(side * aspect, 4));
  const double target = static_cast<double>(image.width) / image.height;
  const bool alike = survey.aspect_high < target * kSquare && survey.aspect_low > target / kSquare;
  image.resize = alike ? Resize::stretch : Resize::fit;
  std::string why = fmt::format(
      "Every image is made into {}x{}: enough to tell most things apart, and quick. "
      "Larger is slower and sometimes better. ",
      image.width, image.height);
  why += alike ? "Their shapes are about the same, so they are stretched to it."
               : "Their shapes differ, so they keep them and get black borders (\"fit\"); \"crop\" cuts to "
                 "the center instead.";
  return {image, why + color};
}

/// Whether the mirror image of class `name` is surely no other class and not nonsense, by the name alone.
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

Because<bool> choose_flip(const Classes& classes, const ImageSpec& image) {
  for (const std::string& name : classes.names)
    if (!may_be_mirrored(name))
      return {false,
              fmt::format(
                  "Mirrored images would double the data where left and right do not matter. Off, because "
                  "of class \"{}\": digits, letters and signs must not be mirrored.",
                  printable(name))};
  if (image.channels == 1)
    return {
        false,
        "Mirrored images would double the data where left and right do not matter. Off, because grey images "
        "are often writing or scans; switch it on if a mirrored image is as good as the image."};
  return {true,
          "Mirrored images double the data. Remove this if left and right matter: writing, signs, arrows."};
}

struct Schedule {
  int batch_size, epochs;
  double validation_fraction;
  std::int64_t images, steps;  ///< of an epoch
};

/// classes: the numbers of their images.
Schedule choose_schedule(const std::vector<std::int64_t>& classes, bool has_validation) {
  Schedule schedule{};
  const auto images = std::accumulate(classes.begin(), classes.end(), std::int64_t{0});
  const bool can_split = !has_validation && *std::max_element(classes.begin(), classes.end()) > 1;
  schedule.validation_fraction = !can_split ? 0 : images < 2000 ? 0.2 : images < 20'000 ? 0.1 : 0.05;
  schedule.images = images;
  if (can_split)
    for (const std::int64_t n : classes) schedule.images -= held_back_of(n, schedule.validation_fraction);
  schedule.batch_size = images < 500 ? 16 : images < 10'000 ? 32 : images < 30'000 ? 64 : 128;
  schedule.steps = (schedule.images + schedule.batch_size - 1) / schedule.batch_size;
  // Enough steps for a small set, not too many looks at the same images.
  constexpr double kSteps = 1500;
  schedule.epochs =
      static_cast<int>(std::clamp(std::round(kSteps / static_cast<double>(schedule.steps)), 10.0, 60.0));
  return schedule;
}

/// From here on a network with more maps does not only learn its images by heart.
constexpr std::int64_t kManyImages = 10'000;

/// Stages of convolution, batch norm and pooling, each with up to twice the maps of the one before on a
/// quarter of the pixels; two convolutions where the maps are small. Then a mean per map. One JSON object
/// each.
std::vector<std::string> choose_network(const ImageSpec& image, std::int64_t images, std::size_t classes) {
  std::vector<std::string> layers;
  const bool wide = images >= kManyImages || classes > 20;
  const auto conv = [&](int channels) {
    layers.push_back(fmt::format(
        R"({{"type": "conv", "out_channels": {}, "kernel_size": 3, "padding": 1, "bias": false}})",
        channels));
    layers.push_back(R"({"type": "batch_norm", "activation": "relu"})");
  };
  int channels = wide ? 32 : 16;
  for (int side = std::min(image.height, image.width); side >= 6; side /= 2) {
    conv(channels);
    if (side < 16) conv(channels);
    layers.push_back(R"({"type": "max_pool", "kernel_size": 2})");
    channels = std::min(wide ? 128 : 64, 2 * channels);
  }
  layers.push_back(R"({"type": "global_avg_pool"})");
  layers.push_back(fmt::format(R"({{"type": "dense", "units": {}}})", classes));
  return layers;
}

struct Outputs {
  std::vector<std::string> shapes;  // of each layer
  std::int64_t parameters = 0;
};

/// Asks the network itself.
Outputs outputs_of(const std::vector<std::string>& layers, const ImageSpec& image, int classes) {
  const std::string text = fmt::format(
      R"({{"data": {{"format": "folder", "train": "x", "image": {{"channels": 1, "height": 1, "width": 1}}}},
          "network": [{}],
          "training": {{"epochs": 1, "batch_size": 2, "optimizer": {{"type": "sgd", "learning_rate": 1}}}}}})",
      join(layers));
  const Config config = read_config(Document::parse(text, "the new network", "/"));
  const Shape input{.c = image.channels, .h = image.height, .w = image.width};
  const Network network(config.network, input, classes, 1);
  Outputs outputs;
  for (const LayerSummary& layer : network.layers()) outputs.shapes.push_back(to_string(layer.out));
  outputs.parameters = network.parameter_count();
  return outputs;
}

// --- How it is written ------------------------------------------------------------------------------------

constexpr std::size_t kColumns = 100;

std::size_t columns_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

/// Text as // comments of at most kColumns, where its words allow it.
std::string comment(const std::string& indent, const std::string& text) {
  std::string result, line;
  const auto finish = [&] {
    if (!line.empty()) result += indent + "//" + line + "\n";
    line.clear();
  };
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    const std::string word = text.substr(begin, end - begin);
    begin = end + 1;
    if (word.empty()) continue;
    if (!line.empty() && columns_of(indent + line + word) + 3 > kColumns) finish();
    line += " " + word;
  }
  finish();
  return result;
}

/// Relative to the config's folder where the two are near each other.
std::string path_text(const fs::path& path, const fs::path& folder) {
  const fs::path absolute = fs::absolute(path).lexically_normal();
  const fs::path below = absolute.lexically_relative(folder.lexically_normal());
  if (!below.empty() && *below.begin() != "..") return below.generic_string();
  // Across links ".." means what the system says.
  const fs::path real = fs::canonical(path), real_folder = fs::weakly_canonical(folder);
  const fs::path relative = real.lexically_relative(real_folder);
  auto first = real.begin(), first_of_folder = real_folder.begin();
  const bool strangers = real.root_path() == real_folder.root_path() && ++first != real.end() &&
                         ++first_of_folder != real_folder.end() && *first != *first_of_folder;
  return (strangers || relative.empty() ? absolute : relative).generic_string();
}

/// The name of the run: that of the folder, not of a part of it.
std::string name_of(const FolderLayout& layout, bool in_parts) {
  fs::path folder = fs::canonical(layout.train.root);
  if (in_parts || folder.filename() == "train" || folder.filename() == "training")
    folder = folder.parent_path();
  const std::string name = folder.filename().string();
  return name.empty() || printable(name) != name ? "images" : name;
}

}  // namespace

FirstConfig first_config(const FolderLayout& layout, const FolderSurvey& survey, const fs::path& folder) {
  const ImageFiles& files = layout.train;
  if (survey.good == 0)
    fail_usage("{}: not one of the {} that were looked at can be read, for example\n  {}: {}", files.where,
               counted(survey.looked_at, "image"), printable(survey.bad.front().path),
               survey.bad.front().reason);
  const Classes classes = find_classes(files, survey);
  const bool in_parts = layout.validation || layout.test;

  const auto image = choose_image(survey);
  const auto flip = choose_flip(classes, image.value);
  const Schedule schedule = choose_schedule(classes.good, layout.validation.has_value());
  const std::vector<std::string> layers = choose_network(image.value, files.size(), classes.names.size());
  const Outputs outputs = outputs_of(layers, image.value, static_cast<int>(classes.names.size()));

  FirstConfig result;
  std::string& text = result.text;
  const auto add = [&](const std::string& line) { text += line + "\n"; };
  const auto say = [&](const std::string& indent, const std::string& words) {
    text += comment(indent, words);
  };
  const auto set_line = [&](const char* key, const ImageFiles& part, const char* end) {
    add(fmt::format("    \"{}\": {}{}", key, quoted(path_text(part.root, folder)), end));
  };

  const std::string found =
      fmt::format("{} classes, {} ({}): {}, {}", classes.names.size(), counted(files.size(), "image"),
                  count_words(classes.counts), size_words(survey), color_words(survey));
  // The other parts' images were only counted.
  const char* image_word = in_parts ? "training image" : "image";
  const std::string looked =
      survey.looked_at >= files.size()  // folders that cannot be read count as one bad image
          ? fmt::format("Every {} was opened.", image_word)
          : fmt::format("{} of them, spread evenly, were opened.", with_commas(survey.looked_at));
  say("", fmt::format("Written by cnn-train --init for {}.", files.where));
  say("", fmt::format("{}. {}", found, looked));
  std::vector<std::string> notes = layout.notes;
  for (std::string& note : useless_notes(files, survey)) notes.push_back(std::move(note));
  for (std::string& note : count_notes(classes)) notes.push_back(std::move(note));
  for (const std::string& note : notes) say("", "Note: " + note);
  add("//");
  say("",
      "A start that can be trained as it is: change what you know better. Paths are relative to the folder "
      "of "
      "this file. cnn-train --config THIS --dry-run says what it costs, and checks every change.");
  add("{");
  add(fmt::format("  \"name\": {},", quoted(name_of(layout, in_parts))));
  add("  \"seed\": 1,\n");

  add("  \"data\": {");
  add("    \"format\": \"folder\",");
  set_line("train", files, ",");
  std::string held_back;
  if (layout.validation) {
    say("    ", "Measured after every epoch, to choose the best one.");
    set_line("validation", *layout.validation, ",");
    held_back = fmt::format("{} for validation", with_commas(layout.validation->size()));
  } else if (schedule.validation_fraction > 0) {
    held_back =
        fmt::format("{:.0f} % of every class held back for validation", 100 * schedule.validation_fraction);
    say("    ",
        fmt::format("There is no folder for validation: {:.0f} % of every class are held back. They are "
                    "measured after every epoch, to choose the best one.",
                    100 * schedule.validation_fraction));
    add(fmt::format("    \"validation\": {{\"fraction\": {}}},", exact(schedule.validation_fraction)));
  } else {
    held_back = "nothing left for validation";
    say("    ",
        "No class has a second image that could be held back for validation: nothing will tell how good the "
        "model is. With more images, add \"validation\": {\"fraction\": 0.2}.");
  }
  if (layout.test) {
    say("    ", "Looked at once, at the very end.");
    set_line("test", *layout.test, ",");
    held_back += fmt::format(", {} for the test at the end", with_commas(layout.test->size()));
  } else {
    say("    ",
        "Images that have no part in any choice give the honest accuracy: put some aside into a folder with "
        "the same class folders, and name it here.");
    add("    // \"test\": \"...\",");
  }
  say("    ", image.why);
  constexpr std::array<const char*, 4> kResize{"stretch", "fit", "crop", "none"};
  add(fmt::format("    \"image\": {{\"channels\": {}, \"height\": {}, \"width\": {}, \"resize\": \"{}\"}},",
                  image.value.channels, image.value.height, image.value.width,
                  kResize[static_cast<std::size_t>(image.value.resize)]));
  const int shift = std::max(1, std::min(image.value.height, image.value.width) / 14);
  add("    \"augment\": [");
  say("      ", flip.why);
  add(flip.value ? "      {\"type\": \"random_flip\"}," : "      // {\"type\": \"random_flip\"},");
  say("      ", "Small shifts make more of few images: what matters may be a little off the center.");
  add(fmt::format("      {{\"type\": \"random_translate\", \"pixels\": {}, \"border\": \"reflect\"}}",
                  shift));
  add("    ],");
  const bool known_good = survey.bad.empty() && survey.looked_at == files.size();
  if (known_good)
    say("    ",
        fmt::format("Every {} can be read. If that changes, the training stops and names the bad files; "
                    "\"skip\" goes on without them.",
                    image_word));
  else if (survey.bad.empty())
    say("    ",
        "Not every image was opened: files that cannot be read are named and left out; \"fail\" stops "
        "instead.");
  else
    say("    ",
        fmt::format("{} of the {} cannot be read, for example {} (it {}). They are named and left out; "
                    "\"fail\" stops instead.",
                    with_commas(static_cast<std::int64_t>(survey.bad.size())),
                    counted(survey.looked_at, "opened image"), printable(survey.bad.front().path),
                    survey.bad.front().reason));
  add(fmt::format("    \"bad_images\": \"{}\"", known_good ? "fail" : "skip"));
  add("  },\n");

  say("  ",
      fmt::format(
          "Convolutions look for patterns, more of them on ever fewer pixels; batch_norm lets them learn "
          "quickly; the mean of every map goes to one last layer with a value per class. {} weights in "
          "all. Many more would need more images than {}. The comments give what each entry puts out: maps x "
          "height x width.",
          with_commas(outputs.parameters), with_commas(files.size())));
  add("  \"network\": [");
  std::size_t width = 0;
  for (const std::string& layer : layers) width = std::max(width, layer.size() + 1);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const std::string line = layers[i] + (i + 1 < layers.size() ? "," : "");
    add(fmt::format("    {:<{}}  // {}", line, width, outputs.shapes[i]));
  }
  add("  ],\n");

  add("  \"training\": {");
  say("    ",
      fmt::format("An epoch of {} has {}; {} epochs give the network enough of them. More epochs take longer "
                  "and often help a little.",
                  counted(schedule.images, "training image"), counted(schedule.steps, "step"),
                  schedule.epochs));
  add(fmt::format("    \"epochs\": {},", schedule.epochs));
  add(fmt::format("    \"batch_size\": {},", schedule.batch_size));
  say("    ", "AdamW forgives a rate that is not the best one. If the loss does not fall, try 0.001.");
  add("    \"optimizer\": {\"type\": \"adamw\", \"learning_rate\": 0.003, \"weight_decay\": 0.01},");
  say("    ", "The rate goes up and then down to zero: the last epochs are the best ones.");
  add("    \"schedule\": {\"type\": \"one_cycle\"}");
  add("  }");
  add("}");

  // What was written must be what was meant.
  const Config config = read_config(Document::parse(text, "the new config", "/"));
  CNN_CHECK(config.data.image == image.value && config.training.epochs == schedule.epochs, "in\n{}", text);

  result.summary.push_back(fmt::format("{}: {}. {}", files.where, found, looked));
  result.summary.push_back(held_back.empty() ? "" : "  data: " + held_back);
  result.summary.push_back(fmt::format("  image: {}x{}x{}. {}", image.value.channels, image.value.height,
                                       image.value.width, image.why));
  result.summary.push_back(fmt::format("  mirroring: {}", flip.value ? "on. " + flip.why : flip.why));
  result.summary.push_back(
      fmt::format("  network: {} layers with {} weights", layers.size(), with_commas(outputs.parameters)));
  result.summary.push_back(fmt::format("  training: {} epochs of {} with {} images each", schedule.epochs,
                                       counted(schedule.steps, "step"), schedule.batch_size));
  for (const std::string& note : notes) result.summary.push_back("  note: " + note);
  if (!survey.bad.empty())
    result.summary.push_back(fmt::format("  {} cannot be read and will be left out:\n{}",
                                         counted(static_cast<std::int64_t>(survey.bad.size()), "image"),
                                         list_bad_files(survey.bad, 10)));
  return result;
}

}  // namespace cnn
