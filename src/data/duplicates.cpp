#include "data/duplicates.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"

namespace cnn {
namespace {

struct Entry {
  Fingerprint print;
  Duplicates::Image at;
};

int label_of(const Duplicates::Image& at, const std::vector<DuplicateCandidates>& parts) {
  return parts[static_cast<std::size_t>(at.part)].dataset->label(at.image);
}

bool contradicts(const std::vector<Duplicates::Image>& group, const std::vector<DuplicateCandidates>& parts) {
  int first = -1;
  for (const Duplicates::Image& at : group) {
    const int label = label_of(at, parts);
    if (label >= 0 && first >= 0 && label != first) return true;
    first = label >= 0 ? label : first;
  }
  return false;
}

std::string class_of(const Duplicates::Image& at, const std::vector<DuplicateCandidates>& parts) {
  const int label = label_of(at, parts);
  const auto& classes = parts[static_cast<std::size_t>(at.part)].dataset->classes();
  return label < 0 ? "" : classes[static_cast<std::size_t>(label)];
}

std::string group_line(const std::vector<Duplicates::Image>& group,
                       const std::vector<DuplicateCandidates>& parts) {
  constexpr std::size_t kMost = 4;
  std::string line;
  for (std::size_t i = 0; i < std::min(kMost, group.size()); ++i) {
    const DuplicateCandidates& part = parts[static_cast<std::size_t>(group[i].part)];
    const std::string name = class_of(group[i], parts);
    line += fmt::format("{}{} ({}{})", i == 0 ? "  " : " = ", printable(part.dataset->name(group[i].image)),
                        part.part, name.empty() ? "" : ", " + printable(name));
  }
  return group.size() > kMost ? line + fmt::format(" and {} more", group.size() - kMost) : line;
}

/// Adds a group to `shared`.
void count_shared(const std::vector<Duplicates::Image>& group,
                  std::vector<std::vector<std::int64_t>>& shared) {
  std::vector<std::int64_t> images(shared.size());
  for (const Duplicates::Image& at : group) ++images[static_cast<std::size_t>(at.part)];
  for (std::size_t a = 0; a < images.size(); ++a) {
    if (images[a] == 0) continue;
    shared[a][a] += images[a] - 1;
    for (std::size_t b = a + 1; b < images.size(); ++b) shared[a][b] += images[b];
  }
}

}  // namespace

Duplicates find_duplicates(const std::vector<DuplicateCandidates>& parts) {
  std::vector<Entry> entries;
  for (std::size_t p = 0; p < parts.size(); ++p) {
    CNN_CHECK(static_cast<std::int64_t>(parts[p].fingerprints->size()) == parts[p].dataset->size(),
              "{} fingerprints of {} images", parts[p].fingerprints->size(), parts[p].dataset->size());
    for (const Fingerprint& print : *parts[p].fingerprints) {
      const auto image = static_cast<std::int64_t>(&print - parts[p].fingerprints->data());
      entries.push_back({print, {static_cast<int>(p), image}});
    }
  }
  const auto before = [](const Duplicates::Image& a, const Duplicates::Image& b) {
    return a.part != b.part ? a.part < b.part : a.image < b.image;
  };
  std::sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) {
    return a.print != b.print ? a.print < b.print : before(a.at, b.at);
  });

  Duplicates duplicates;
  duplicates.shared.assign(parts.size(), std::vector<std::int64_t>(parts.size()));
  for (auto begin = entries.begin(); begin != entries.end();) {
    const auto end =
        std::find_if(begin, entries.end(), [&](const Entry& entry) { return entry.print != begin->print; });
    if (end - begin > 1) {
      std::vector<Duplicates::Image>& group = duplicates.groups.emplace_back();
      for (auto entry = begin; entry != end; ++entry) group.push_back(entry->at);
      count_shared(group, duplicates.shared);
      if (contradicts(group, parts)) {
        ++duplicates.contradicting_groups;
        duplicates.contradicting_images += end - begin;
      }
    }
    begin = end;
  }
  std::sort(duplicates.groups.begin(), duplicates.groups.end(),
            [&](const auto& a, const auto& b) { return before(a.front(), b.front()); });
  return duplicates;
}

std::vector<std::string> duplicate_notes(const Duplicates& duplicates,
                                         const std::vector<DuplicateCandidates>& parts, std::size_t most) {
  std::vector<std::string> lines;
  if (duplicates.empty()) return lines;
  if (duplicates.contradicting_images > 0)
    lines.push_back(fmt::format(
        "warning: {} images have a copy in another class, in {} group{}: one of the labels is wrong",
        with_commas(duplicates.contradicting_images), with_commas(duplicates.contradicting_groups),
        duplicates.contradicting_groups == 1 ? "" : "s"));
  const auto count = [&](std::size_t a, std::size_t b, const char* consequence) {
    if (const std::int64_t n = duplicates.shared[a][b]; n > 0)
      lines.push_back(fmt::format("{}{} of {} {} images {} {} images, pixel by pixel{}",
                                  a == b ? "" : "warning: ", with_commas(n),
                                  with_commas(parts[b].dataset->size()), parts[b].part,
                                  n == 1 ? "is a copy of one of the" : "are copies of",
                                  a == b ? "other" : parts[a].part, consequence));
  };
  for (std::size_t a = 0; a < parts.size(); ++a)
    for (std::size_t b = a + 1; b < parts.size(); ++b)
      count(a, b, a == 0 ? ": memorized images make the accuracy look too good" : "");
  for (std::size_t a = 0; a < parts.size(); ++a) count(a, a, "");

  std::vector<const std::vector<Duplicates::Image>*> order;
  for (const auto& group : duplicates.groups) order.push_back(&group);
  const auto rank = [&](const std::vector<Duplicates::Image>& group) {
    return contradicts(group, parts) ? 0 : group.front().part != group.back().part ? 1 : 2;
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](const auto* a, const auto* b) { return rank(*a) < rank(*b); });
  for (std::size_t i = 0; i < std::min(most, order.size()); ++i)
    lines.push_back(group_line(*order[i], parts));
  if (order.size() > most)
    lines.push_back(
        fmt::format("  and {} more groups", with_commas(static_cast<std::int64_t>(order.size() - most))));
  return lines;
}

std::string duplicate_table(const Duplicates& duplicates, const std::vector<DuplicateCandidates>& parts) {
  std::string table = "group,part,class,path\n";
  std::size_t number = 0;
  for (const auto& group : duplicates.groups) {
    ++number;
    for (const Duplicates::Image& at : group) {
      const DuplicateCandidates& part = parts[static_cast<std::size_t>(at.part)];
      table += fmt::format("{},{},{},{}\n", number, part.part, csv_cell(class_of(at, parts)),
                           csv_cell(part.dataset->name(at.image)));
    }
  }
  return table;
}

}  // namespace cnn
