#include "data/class_structure.h"

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <set>

#include "core/error.h"
#include "core/text.h"

namespace cnn {
namespace {

using Words = std::initializer_list<std::string_view>;

DataPart part_of_word(std::string_view word) {
  const auto is = [&](Words words) { return std::find(words.begin(), words.end(), word) != words.end(); };
  if (word.size() > 3 && word.ends_with("set")) word.remove_suffix(3);
  if (is({"train", "training"})) return DataPart::train;
  if (is({"validation", "valid", "val", "dev"})) return DataPart::validation;
  if (is({"test", "testing", "eval", "evaluation"})) return DataPart::test;
  return DataPart::none;
}

/// A name's words in lower case, and where its part stands among them.
struct SplitName {
  DataPart part = DataPart::none;
  std::string rest;  ///< the words around it
};

SplitName split_name(std::string_view name) {
  std::vector<std::string> words(1);
  for (const char c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) || (c & 0x80) != 0)
      words.back() += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    else if (!words.back().empty())
      words.emplace_back();
  }
  SplitName split;
  for (const std::string& word : words) {
    const DataPart part = part_of_word(word);
    if (part != DataPart::none && split.part == DataPart::none)
      split.part = part;
    else
      split.rest += word + " ";
  }
  return split;
}

/// Words that say nothing about what is in a folder.
bool is_generic(const std::string& rest) {
  static const std::set<std::string, std::less<>> kGeneric{"",       "set",   "data",  "dataset", "image",
                                                           "images", "img",   "imgs",  "pics",    "pictures",
                                                           "photos", "split", "folder"};
  std::size_t begin = 0;
  while (begin < rest.size()) {
    const std::size_t end = std::min(rest.find(' ', begin), rest.size());
    if (!kGeneric.contains(std::string_view(rest).substr(begin, end - begin))) return false;
    begin = end + 1;
  }
  return true;
}

/// The first of many, all of a few.
std::string some(std::vector<std::string> names) {
  constexpr std::size_t kMost = 6;
  const std::size_t more = names.size() > kMost ? names.size() - kMost : 0;
  names.resize(std::min(names.size(), kMost));
  return printable(join(names)) + (more > 0 ? fmt::format(" and {} more", more) : "");
}

/// Whether all classes consist of the same folders, two at least.
bool all_hold_the_same(const ClassStructure& structure) {
  const auto& inside = structure.inside;
  return inside.size() > 1 && inside.front().size() > 1 &&
         std::ranges::all_of(inside, [&](const auto& names) { return names == inside.front(); }) &&
         std::ranges::all_of(structure.direct, [](std::int64_t images) { return images == 0; });
}

}  // namespace

DataPart part_of(std::string_view name) { return split_name(name).part; }

bool is_nothing_but_part(std::string_view name) {
  const SplitName split = split_name(name);
  return split.part != DataPart::none && is_generic(split.rest);
}

bool are_parts(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const SplitName train = split_name(name);
    if (train.part != DataPart::train) continue;
    for (const std::string& other : names) {
      const SplitName split = split_name(other);
      if (split.part == DataPart::none || split.part == DataPart::train) continue;
      if (split.rest == train.rest || (is_generic(split.rest) && is_generic(train.rest))) return true;
    }
  }
  return false;
}

ClassStructure structure_of(const ImageFiles& files) {
  ClassStructure structure;
  structure.inside.resize(files.classes.size());
  structure.direct.resize(files.classes.size());
  std::set<std::string, std::less<>> folders;
  std::string last;
  for (std::int64_t i = 0; i < files.size(); ++i) {
    if (files.label(i) < 0) continue;
    const auto label = static_cast<std::size_t>(files.label(i));
    const std::string_view path = files.name(i);
    const std::string_view folder = path.substr(0, path.rfind('/'));
    const std::size_t first = folder.find('/');
    if (first == folder.npos) {
      ++structure.direct[label];
      continue;
    }
    if (folder == last) continue;  // images of one folder follow each other
    last = folder;
    if (folders.emplace(folder).second && structure.example.empty()) structure.example = folder;
    const std::string_view inside = folder.substr(first + 1, folder.find('/', first + 1) - first - 1);
    auto& names = structure.inside[label];
    if (std::ranges::find(names, inside) == names.end()) names.emplace_back(inside);
  }
  structure.merged = static_cast<std::int64_t>(folders.size());
  for (auto& names : structure.inside) std::ranges::sort(names, natural_less);
  return structure;
}

AnswerWords config_answers() {
  return {"set \"classes\": \"top\" in \"data\"", "set \"classes\": \"leaf\" in \"data\"",
          "set \"train\" to "};
}

std::optional<std::string> split_question(const ImageFiles& files, const AnswerWords& answers) {
  if (files.classes.size() < 2) return std::nullopt;
  const auto train = std::ranges::find_if(
      files.classes, [](const std::string& name) { return part_of(name) == DataPart::train; });
  if (are_parts(files.classes))
    return fmt::format(
        "{}: its folders ({}) are named like the parts of a data set, and a network would learn to tell one "
        "part from the other. To train on one part, {}{}; if they are classes after all, {}",
        files.where, some(files.classes), answers.train_prefix, printable((files.root / *train).string()),
        answers.top);
  const ClassStructure structure = structure_of(files);
  if (!all_hold_the_same(structure)) return std::nullopt;
  const std::string inside = some(structure.inside.front());
  return fmt::format(
      "{}: all of its folders ({}) hold the same folders ({}), so they look like the parts of a data set, "
      "and "
      "a network would learn to tell one part from the other. If {} are the classes, {}{}; if {} are the "
      "classes, {}; if each folder like {} is one, {}",
      files.where, some(files.classes), inside, inside, answers.train_prefix,
      printable((files.root / files.classes.front()).string()), some(files.classes), answers.top,
      printable(structure.example), answers.leaf);
}

std::string merged_note(const ImageFiles& files, const AnswerWords& answers) {
  const ClassStructure structure = structure_of(files);
  if (structure.merged == 0) return "";
  const std::string top = structure.example.substr(0, structure.example.find('/'));
  return fmt::format(
      "{} below the {} class folders {} merged into them, for example {} into \"{}\"; for a class of each, "
      "{}",
      counted(structure.merged, "folder"), files.classes.size(), structure.merged == 1 ? "is" : "are",
      printable(structure.example), printable(top), answers.leaf);
}

}  // namespace cnn
