#include "starter/config_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "config/augment_table.h"
#include "config/brief.h"
#include "config/data_table.h"
#include "config/network_text.h"
#include "core/error.h"
#include "core/text.h"
#include "data/class_structure.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

/// Text as a JSON string. Throws Error (exit 2) if it is not UTF-8.
std::string quoted(const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) {
    fail_usage("\"{}\" is not UTF-8, but a config can only name files in UTF-8; rename it", printable(text));
  }
}

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

/// A table, with the names of its columns where they are not the usual ones.
std::string table_text(const LabelTable& table, const fs::path& folder) {
  const LabelTable usual;
  const std::string file = quoted(path_text(table.file, folder));
  std::string columns;
  const auto add = [&](const char* key, const std::string& name, const std::string& usual_name) {
    if (name != usual_name) columns += fmt::format(", \"{}\": {}", key, quoted(name));
  };
  add("path_column", table.path_column, usual.path_column);
  add("label_column", table.label_column, usual.label_column);
  add("split_column", table.split_column, usual.split_column);
  return columns.empty() ? file : fmt::format("{{\"file\": {}{}}}", file, columns);
}

/// The name of the run: that of the folder, not of a part of it.
std::string name_of(const FolderLayout& layout, bool in_parts) {
  if (layout.table) return layout.table->file.stem().string();
  fs::path folder = fs::canonical(layout.train.root);
  if (in_parts || folder.filename() == "train" || folder.filename() == "training")
    folder = folder.parent_path();
  while (in_parts && part_of(folder.filename().string()) == DataPart::train) folder = folder.parent_path();
  const std::string name = folder.filename().string();
  return name.empty() || printable(name) != name ? "images" : name;
}

/// [0.485, 0.456, 0.406]
std::string numbers(const std::vector<double>& values) {
  std::vector<std::string> words;
  for (const double value : values) words.push_back(exact(value));
  return "[" + join(words) + "]";
}

/// {"type": "random_rotate", "degrees": [-15, 15], "border": "reflect"}
std::string change_text(const AugmentSpec& change) {
  const JsonValue keys = augment_kind().write(change);
  const std::vector<ObjectDescription> kinds = augment_kind().descriptions();
  return to_line(brief(keys, *std::ranges::find(kinds, keys.find("type")->text, &ObjectDescription::type)));
}

/// Writes a config from top to bottom. Keys that it leaves out have their defaults; first_config reads the
/// text back to check that.
class ConfigWriter {
 public:
  ConfigWriter(const FolderLayout& layout, const Choices& choices, const fs::path& folder)
      : layout_(layout), choices_(choices), folder_(folder) {}

  std::string write(const ConfigHead& head) {
    write_head(head);
    add("{");
    add(fmt::format("  \"name\": {},", quoted(name_of(layout_, layout_.validation || layout_.test))));
    add("  \"seed\": 1,\n");
    write_data();
    write_network();
    write_training();
    add("}");
    return std::move(text_);
  }

 private:
  void add(const std::string& line) { text_ += line + "\n"; }
  void say(const std::string& indent, const std::string& words) { text_ += comment(indent, words); }
  void add_set(const char* key, const ImageFiles& part) {
    if (layout_.table) return add(fmt::format("    \"{}\": {},", key, table_text(*layout_.table, folder_)));
    add(fmt::format("    \"{}\": {},", key, quoted(path_text(part.root, folder_))));
  }

  void write_head(const ConfigHead& head) {
    say("", fmt::format("Written by cnn-train --init for {}.", layout_.train.where));
    say("", head.found);
    for (const std::string& note : head.notes) say("", "Note: " + note);
    add("//");
    say("",
        "A config that trains as it is: change what you know better. Paths are relative to the folder of "
        "this file. cnn-train --config THIS --dry-run checks every change and says what it costs.");
  }

  void write_data() {
    add("  \"data\": {");
    add(fmt::format("    \"format\": \"{}\",", layout_.table ? "csv" : "folder"));
    add_set("train", layout_.train);
    write_validation();
    write_test();
    if (layout_.class_folders != ClassFolders::automatic)
      add(fmt::format("    \"classes\": \"{}\",", word_of(layout_.class_folders)));
    write_image();
    write_augmentation();
    say("    ", choices_.bad_images.why);
    add(fmt::format("    \"bad_images\": \"{}\"", word_of(choices_.bad_images.value)));
    add("  },\n");
  }

  void write_validation() {
    if (layout_.validation) {
      say("    ", "Measured after every epoch, to choose the best one.");
      return add_set("validation", *layout_.validation);
    }
    say("    ", choices_.held_back.why);
    if (const auto& part = choices_.held_back.value)
      add(fmt::format("    \"validation\": {{\"fraction\": {}}},", exact(part->fraction)));
  }

  void write_test() {
    if (layout_.test) {
      say("    ", "Evaluated once, at the very end.");
      return add_set("test", *layout_.test);
    }
    say("    ",
        "Only images that influenced no choice give an honest accuracy: put some aside into a folder with "
        "the same class folders, and name it here.");
    add("    // \"test\": \"...\",");
  }

  void write_image() {
    const ImageSpec& image = choices_.image.value;
    say("    ", choices_.image.why);
    JsonValue keys = brief(image_kind()->write(image), image_kind()->description());
    add(fmt::format("    \"image\": {},", to_line(keys.set("resize", std::string(word_of(image.resize))))));
    const NormalizeSpec& normalize = choices_.normalize.value;
    if (normalize.mode != NormalizeSpec::Mode::given) return;
    say("    ", choices_.normalize.why);
    add(fmt::format("    \"normalize\": {{\"mean\": {}, \"std\": {}}},", numbers(normalize.mean),
                    numbers(normalize.std)));
  }

  void write_augmentation() {
    const auto& shift = choices_.shift.value;
    if (!shift) {
      say("    ", choices_.flip.why);
      return add("    \"augment\": [],");
    }
    add("    \"augment\": [");
    say("      ", choices_.flip.why);
    add(choices_.flip.value ? "      {\"type\": \"random_flip\"}," : "      // {\"type\": \"random_flip\"},");
    say("      ", choices_.shift.why);
    const auto& changes = choices_.changes.value;
    add(fmt::format("      {{\"type\": \"random_translate\", \"pixels\": {}, \"border\": \"{}\"}}{}",
                    shift->pixels, word_of(shift->border), changes.empty() ? "" : ","));
    say("      ", choices_.changes.why);
    for (std::size_t i = 0; i < changes.size(); ++i)
      add("      " + change_text(changes[i]) + (i + 1 < changes.size() ? "," : ""));
    add("    ],");
  }

  void write_network() {
    say("  ", choices_.network.why);
    add("  \"network\": [");
    const std::vector<std::string> entries = network_text(choices_.network.value, "    ");
    std::size_t width = 0;  // of those that go with their comment on a line
    for (const std::string& entry : entries)
      if (entry.size() < kColumns && entry.find('\n') == std::string::npos)
        width = std::max(width, entry.size() + 1);
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const bool lines = entries[i].find('\n') != std::string::npos;
      add(fmt::format("    {:<{}}  // {}", entries[i] + (i + 1 < entries.size() ? "," : ""),
                      lines ? 0 : width, choices_.outputs.shapes[i]));
    }
    add("  ],\n");
  }

  void write_training() {
    add("  \"training\": {");
    say("    ", choices_.epochs.why);
    add(fmt::format("    \"epochs\": {},", choices_.epochs.value));
    add(fmt::format("    \"batch_size\": {},", choices_.batch_size));
    say("    ", choices_.optimizer.why);
    const AdamSpec& adamw = choices_.optimizer.value;
    add(fmt::format(
        "    \"optimizer\": {{\"type\": \"adamw\", \"learning_rate\": {}, \"weight_decay\": {}}},",
        exact(adamw.learning_rate), exact(adamw.weight_decay)));
    if (choices_.label_smoothing.value > 0) {
      say("    ", choices_.label_smoothing.why);
      add(fmt::format("    \"label_smoothing\": {},", exact(choices_.label_smoothing.value)));
    }
    say("    ", choices_.schedule.why);
    add(fmt::format("    \"schedule\": {{\"type\": \"one_cycle\"}}{}", choices_.start.value ? "," : ""));
    write_start();
    add("  }");
  }

  void write_start() {
    const auto& start = choices_.start.value;
    if (!start) return;
    const char* names = start->names.torchvision ? ", \"names\": \"torchvision\"" : "";
    say("    ", choices_.start.why);
    add(fmt::format("    \"initial_weights\": {{\"file\": {}{}, \"except\": [{}]}},",
                    quoted(path_text(start->file, folder_)), names, quoted(start->except.front())));
    say("    ", choices_.freeze.why);
    add("    \"freeze\": \"trunk\"");
  }

  const FolderLayout& layout_;
  const Choices& choices_;
  const fs::path& folder_;
  std::string text_;
};

}  // namespace

std::string config_text(const FolderLayout& layout, const ConfigHead& head, const Choices& choices,
                        const fs::path& folder) {
  return ConfigWriter(layout, choices, folder).write(head);
}

}  // namespace cnn
