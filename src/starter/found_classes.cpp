#include "starter/found_classes.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "data/open_dataset.h"

namespace cnn {
namespace {

/// Folders that look like classes but would stop a training.
std::vector<std::string> useless_notes(const ImageFiles& files, const FolderSurvey& survey) {
  std::vector<std::string> notes;
  for (const auto* folders : {&files.bad_folders, &survey.useless_classes})
    for (const std::string& folder : *folders)
      notes.push_back(
          fmt::format("No image of \"{}\" can be read, so it does not count as a class, and a training would "
                      "stop there: remove the folder, or repair the images and run --init again.",
                      printable(folder)));
  return notes;
}

/// Warnings about the numbers of images.
std::vector<std::string> count_notes(const FoundClasses& classes) {
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

}  // namespace

FoundClasses find_classes(const ImageFiles& files, const FolderSurvey& survey) {
  const std::vector<std::int64_t> none(files.classes.size());
  FoundClasses all{files.classes, none, none}, useful;
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

std::string found_words(const ImageFiles& files, const FolderSurvey& survey, const FoundClasses& classes) {
  return fmt::format("{} classes, {} ({}): {}, {}", classes.names.size(), counted(files.size(), "image"),
                     count_words(classes.counts), size_words(survey), color_words(survey));
}

std::vector<std::string> class_warnings(const ImageFiles& files, const FolderSurvey& survey,
                                        const FoundClasses& classes) {
  std::vector<std::string> warnings = useless_notes(files, survey);
  for (std::string& note : count_notes(classes)) warnings.push_back(std::move(note));
  return warnings;
}

}  // namespace cnn
