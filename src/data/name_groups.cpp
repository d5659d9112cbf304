#include "data/name_groups.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <regex>
#include <set>
#include <unordered_map>

#include "core/error.h"
#include "core/random.h"
#include "core/text.h"

namespace cnn {
namespace {

constexpr const char* kKey = "/data/validation/group_by";

/// Chooses whole groups until every class has about as many images as it should.
class Chooser {
 public:
  Chooser(const Dataset& dataset, const NameGroups& groups, double fraction)
      : members_(static_cast<std::size_t>(groups.groups)),
        taken_(members_.size()),
        images_(count_classes(dataset)),
        held_back_(images_.size()) {
    for (std::int64_t i = 0; i < dataset.size(); ++i) {
      const int label = dataset.label(i);
      if (label < 0) fail("{}: has no label; a validation part needs labels", printable(dataset.name(i)));
      Counts& counts = members_[static_cast<std::size_t>(groups.group[static_cast<std::size_t>(i)])];
      const auto same = std::ranges::find(counts, label, &std::pair<int, std::int64_t>::first);
      if (same != counts.end())
        ++same->second;
      else
        counts.emplace_back(label, 1);
    }
    for (const std::int64_t n : images_) wanted_.push_back(held_back_of(n, fraction));
  }

  void take_what_helps(const std::vector<std::size_t>& order) {
    for (const std::size_t group : order)
      if (may_go(group) && change_of_distance(group) < 0) take(group);
  }

  void take_for_classes_without_any(const std::vector<std::size_t>& order) {
    for (std::size_t c = 0; c < images_.size(); ++c) {
      if (wanted_[c] == 0 || held_back_[c] > 0) continue;
      const std::size_t* best = nullptr;
      for (const std::size_t& group : order)
        if (has_class(group, c) && !taken_[group] && may_go(group) &&
            (best == nullptr || change_of_distance(group) < change_of_distance(*best)))
          best = &group;
      if (best != nullptr) take(*best);
    }
  }

  bool taken(std::int64_t group) const { return taken_[static_cast<std::size_t>(group)]; }

 private:
  using Counts = std::vector<std::pair<int, std::int64_t>>;  // images of each class in a group

  bool has_class(std::size_t group, std::size_t c) const {
    return std::ranges::any_of(members_[group],
                               [&](const auto& count) { return count.first == static_cast<int>(c); });
  }
  /// Every class keeps an image to be trained on.
  bool may_go(std::size_t group) const {
    return std::ranges::all_of(members_[group], [&](const auto& count) {
      const auto c = static_cast<std::size_t>(count.first);
      return held_back_[c] + count.second < images_[c];
    });
  }
  std::int64_t change_of_distance(std::size_t group) const {
    std::int64_t change = 0;
    for (const auto& [label, n] : members_[group]) {
      const std::int64_t missing =
          wanted_[static_cast<std::size_t>(label)] - held_back_[static_cast<std::size_t>(label)];
      change += std::abs(missing - n) - std::abs(missing);
    }
    return change;
  }
  void take(std::size_t group) {
    taken_[group] = true;
    for (const auto& [label, n] : members_[group]) held_back_[static_cast<std::size_t>(label)] += n;
  }

  std::vector<Counts> members_;
  std::vector<bool> taken_;
  std::vector<std::int64_t> images_, held_back_, wanted_;  // per class
};

std::vector<std::size_t> shuffled(std::size_t groups, std::uint64_t seed) {
  std::vector<std::size_t> order(groups);
  std::iota(order.begin(), order.end(), std::size_t{0});
  Random random(seed, Purpose::split, 0, 1);  // minor 0 is that of stratified_split()
  for (std::size_t i = groups; i > 1; --i)
    std::swap(order[i - 1], order[random.below(static_cast<std::uint32_t>(i))]);
  return order;
}

}  // namespace

std::string name_in_class(const std::string& path, const DataLocation& location, ClassFolders class_folders) {
  const auto below = [](const std::string& whole, const std::filesystem::path& folder) {
    const std::string root = (folder / "").string();
    return whole.starts_with(root) ? whole.substr(root.size()) : whole;
  };
  if (const auto* table = std::get_if<LabelTable>(&location)) return below(path, table->file.parent_path());
  const auto* folder = std::get_if<FolderLocation>(&location);
  CNN_CHECK(folder != nullptr, "{} is in no folder and in no table", path);
  const std::string name = below(path, folder->folder);
  const std::size_t slash = class_folders == ClassFolders::leaf ? name.rfind('/') : name.find('/');
  return slash == std::string::npos ? name : name.substr(slash + 1);
}

NameGroups group_by_name(const std::vector<std::string>& names, const std::string& expression) {
  NameGroups groups;
  std::unordered_map<std::string, std::int64_t> numbers;
  try {
    const std::regex compiled(expression);
    std::smatch match;
    for (const std::string& name : names) {
      if (!std::regex_search(name, match, compiled)) {
        groups.group.push_back(groups.groups++);
        continue;
      }
      ++groups.matched;
      const bool part = match.size() > 1 && match[1].matched;
      const auto [place, added] = numbers.try_emplace(match[part ? 1 : 0].str(), groups.groups);
      groups.groups += added;
      groups.group.push_back(place->second);
    }
  } catch (const std::regex_error& error) {
    fail_usage("{}: \"{}\" cannot be searched for: {}", kKey, printable(expression), error.what());
  }
  return groups;
}

Split grouped_split(const Dataset& dataset, const NameGroups& groups, double fraction, std::uint64_t seed) {
  CNN_CHECK(static_cast<std::int64_t>(groups.group.size()) == dataset.size(), "{} images in groups, of {}",
            groups.group.size(), dataset.size());
  const std::vector<std::size_t> order = shuffled(static_cast<std::size_t>(groups.groups), seed);
  Chooser chooser(dataset, groups, fraction);
  chooser.take_what_helps(order);
  chooser.take_for_classes_without_any(order);
  Split split;
  for (std::int64_t i = 0; i < dataset.size(); ++i)
    (chooser.taken(groups.group[static_cast<std::size_t>(i)]) ? split.validation : split.train).push_back(i);
  if (split.validation.empty())
    fail(
        "{}: {} {}, and none can be held back without all images of a class; the expression, or its first "
        "part in parentheses, should match what differs between groups",
        kKey, groups.groups == 1 ? "all images are" : "the images are in", counted(groups.groups, "group"));
  return split;
}

std::vector<std::string> group_notes(const NameGroups& groups, const Split& split,
                                     const std::string& expression, const std::string& example) {
  if (groups.matched == 0)
    return {
        fmt::format("warning: \"group_by\" ({}) matches no name, so every image is on its own; it is tried "
                    "on names like {}",
                    printable(expression), printable(example))};
  std::set<std::int64_t> held_back;
  for (const std::int64_t image : split.validation)
    held_back.insert(groups.group[static_cast<std::size_t>(image)]);
  const auto images = static_cast<std::int64_t>(groups.group.size());
  const auto validation = static_cast<std::int64_t>(split.validation.size());
  std::string note = fmt::format(
      "\"group_by\" makes {} of {}; {} with {} ({:.1f} %) are held back", counted(groups.groups, "group"),
      counted(images, "training image"), counted(static_cast<std::int64_t>(held_back.size()), "group"),
      counted(validation, "image"), 100.0 * static_cast<double>(validation) / static_cast<double>(images));
  if (groups.matched < images)
    note += fmt::format("; {} on {} own: no match", counted(images - groups.matched, "image"),
                        images - groups.matched == 1 ? "its" : "their");
  return {std::move(note)};
}

}  // namespace cnn
