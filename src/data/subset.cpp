#include "data/subset.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/random.h"
#include "core/text.h"
#include "core/unicode.h"

namespace cnn {

Subset::Subset(std::shared_ptr<const Dataset> whole, std::vector<std::int64_t> indices)
    : whole_(std::move(whole)), indices_(std::move(indices)) {
  for (const std::int64_t index : indices_)
    CNN_CHECK(index >= 0 && index < whole_->size(), "index {} of {}", index, whole_->size());
}

void Subset::will_need(std::span<const std::int64_t> indices) const {
  std::vector<std::int64_t> in_whole;
  in_whole.reserve(indices.size());
  for (const std::int64_t index : indices) in_whole.push_back(at(index));
  whole_->will_need(in_whole);
}

Relabeled::Relabeled(std::shared_ptr<const Dataset> whole, std::vector<std::string> classes,
                     std::vector<int> labels)
    : whole_(std::move(whole)), classes_(std::move(classes)), labels_(std::move(labels)) {
  CNN_CHECK(labels_.size() == whole_->classes().size(), "{} labels for {} classes", labels_.size(),
            whole_->classes().size());
  for (const int label : labels_)
    CNN_CHECK(label >= 0 && label < static_cast<int>(classes_.size()), "label {} of {}", label,
              classes_.size());
}

namespace {

std::string quoted(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "\"" : ", \"") + printable(name) + "\"";
  return text;
}

/// Where a name stands in a list: that very name, else one that differs in the form of its accents only; the
/// list's size if there is none.
std::size_t place_of(const std::string& name, const std::vector<std::string>& list) {
  const auto same = std::ranges::find(list, name);
  if (same != list.end()) return static_cast<std::size_t>(same - list.begin());
  const auto alike = std::ranges::find(list, composed(name), composed);
  return static_cast<std::size_t>(alike - list.begin());
}

std::vector<std::string> not_in(const std::vector<std::string>& names, const std::vector<std::string>& list) {
  std::vector<std::string> missing;
  for (const std::string& name : names)
    if (place_of(name, list) == list.size()) missing.push_back(name);
  return missing;
}

}  // namespace

std::vector<int> match_classes(const std::vector<std::string>& found, const std::vector<std::string>& known,
                               const std::string& where) {
  const std::vector<std::string> unknown = not_in(found, known);
  if (!unknown.empty())
    fail(
        "{}: class{} {} {} not among the known ones\n  found: {}\n  known: {}\nClasses are matched by name: "
        "rename or remove the folder{}.",
        where, unknown.size() == 1 ? "" : "es", quoted(unknown), unknown.size() == 1 ? "is" : "are",
        quoted(found), quoted(known), unknown.size() == 1 ? "" : "s");
  std::vector<int> labels;
  for (const std::string& name : found) labels.push_back(static_cast<int>(place_of(name, known)));
  return labels;
}

std::vector<std::string> missing_classes(const std::vector<std::string>& found,
                                         const std::vector<std::string>& known) {
  return not_in(known, found);
}

std::vector<std::string> other_accents(const std::vector<std::string>& found,
                                       const std::vector<std::string>& known) {
  std::vector<std::string> names;
  for (const std::string& name : found)
    if (const std::size_t place = place_of(name, known); place < known.size() && known[place] != name)
      names.push_back(name);
  return names;
}

std::vector<std::int64_t> count_classes(const Dataset& dataset) {
  std::vector<std::int64_t> counts(dataset.classes().size());
  for (std::int64_t i = 0; i < dataset.size(); ++i)
    if (const int label = dataset.label(i); label >= 0) ++counts[static_cast<std::size_t>(label)];
  return counts;
}

std::int64_t held_back_of(std::int64_t images, double fraction) {
  if (images < 2) return 0;
  const auto rounded = static_cast<std::int64_t>(std::floor(static_cast<double>(images) * fraction + 0.5));
  return std::clamp<std::int64_t>(rounded, 1, images - 1);
}

Split stratified_split(const Dataset& dataset, double fraction, std::uint64_t seed) {
  if (!(fraction > 0 && fraction < 1))
    fail_usage("a validation fraction of {} is impossible; it must lie between 0 and 1", fraction);
  std::vector<std::vector<std::int64_t>> members(dataset.classes().size());
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    const int label = dataset.label(i);
    if (label < 0) fail("{}: has no label; a validation part needs labels", printable(dataset.name(i)));
    members[static_cast<std::size_t>(label)].push_back(i);
  }
  Split split;
  for (std::size_t c = 0; c < members.size(); ++c) {
    std::vector<std::int64_t>& images = members[c];
    const auto n = static_cast<std::int64_t>(images.size());
    const std::int64_t held_back = held_back_of(n, fraction);
    Random random(seed, Purpose::split, static_cast<std::uint32_t>(c));
    for (std::int64_t i = 0; i < held_back; ++i) {  // the front of a Fisher-Yates shuffle
      const std::int64_t j = i + random.below(static_cast<std::uint32_t>(n - i));
      std::swap(images[static_cast<std::size_t>(i)], images[static_cast<std::size_t>(j)]);
    }
    split.validation.insert(split.validation.end(), images.begin(), images.begin() + held_back);
    split.train.insert(split.train.end(), images.begin() + held_back, images.end());
  }
  if (split.validation.empty())
    fail(
        "no class has two images, so none can be held back for validation; give more images or leave "
        "\"validation\" out");
  std::sort(split.train.begin(), split.train.end());
  std::sort(split.validation.begin(), split.validation.end());
  return split;
}

}  // namespace cnn
