#include "data/class_notes.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/text.h"
#include "core/unicode.h"
#include "data/subset.h"

namespace cnn {
namespace {

/// `"a", "b" and 3 more`.
std::string some(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 10;
  std::string text;
  for (std::size_t i = 0; i < std::min(kMost, names.size()); ++i)
    text += fmt::format("{}\"{}\"", i == 0 ? "" : ", ", printable(names[i]));
  return names.size() > kMost ? text + fmt::format(" and {} more", names.size() - kMost) : text;
}

std::string missing_note(const Dataset& dataset, const char* part, const char* consequence) {
  const std::vector<std::int64_t> counts = count_classes(dataset);
  std::vector<std::string> missing;
  for (std::size_t c = 0; c < counts.size(); ++c)
    if (counts[c] == 0) missing.push_back(dataset.classes()[c]);
  if (missing.empty()) return "";
  return fmt::format("warning: no {} image of class{} {}: {}", part, missing.size() == 1 ? "" : "es",
                     some(missing), consequence);
}

std::string imbalance_note(const Dataset& train) {
  constexpr std::int64_t kHeavy = 10;
  const std::vector<std::int64_t> counts = count_classes(train);
  const auto most = std::max_element(counts.begin(), counts.end());
  auto least = counts.end();
  for (auto count = counts.begin(); count != counts.end(); ++count)
    if (*count > 0 && (least == counts.end() || *count < *least)) least = count;
  if (least == counts.end() || *most < kHeavy * *least) return "";
  const auto name = [&](auto count) {
    return printable(train.classes()[static_cast<std::size_t>(count - counts.begin())]);
  };
  return fmt::format(
      "warning: the class sizes differ widely: {} training images of \"{}\", {} of \"{}\". The "
      "accuracy says little about small classes; look at their recall",
      with_commas(*most), name(most), with_commas(*least), name(least));
}

/// Names that people take for the same have the same key.
std::string key_of(std::string_view name) {
  const auto is_gap = [](char c) { return c == ' ' || c == '_' || c == '-' || c == '\t'; };
  while (!name.empty() && is_gap(name.front())) name.remove_prefix(1);
  while (!name.empty() && is_gap(name.back())) name.remove_suffix(1);
  std::string key;
  for (const char c : composed(std::string(name)))
    key += is_gap(c) ? '_' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return key;
}

}  // namespace

std::vector<std::string> class_notes(const Dataset& train, const Dataset* validation, const Dataset* test) {
  std::vector<std::string> notes;
  const auto add = [&](std::string note) {
    if (!note.empty()) notes.push_back(std::move(note));
  };
  add(missing_note(train, "training", "the network cannot learn it"));
  if (validation != nullptr)
    add(missing_note(*validation, "validation", "the choice of the best epoch does not see it"));
  if (test != nullptr) add(missing_note(*test, "test", "the test accuracy says nothing about it"));
  add(imbalance_note(train));
  std::map<std::string, std::vector<std::string>> alike;
  for (const std::string& name : train.classes()) alike[key_of(name)].push_back(name);
  for (const auto& [key, names] : alike)
    if (names.size() > 1)
      notes.push_back(
          fmt::format("warning: the classes {} differ in case, spaces, dashes or the form of their accents "
                      "only; are they one?",
                      some(names)));
  return notes;
}

}  // namespace cnn
