#include "data/open_dataset.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "data/cifar10.h"
#include "data/class_structure.h"
#include "data/idx.h"
#include "data/label_table.h"
#include "data/subset.h"

namespace cnn {
namespace {

/// The first of many, all of a few.
std::string quoted_list(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 20;
  std::string text;
  for (std::size_t i = 0; i < std::min(kMost, names.size()); ++i)
    text += fmt::format("{}\"{}\"", i == 0 ? "" : ", ", printable(names[i]));
  return names.size() > kMost ? text + fmt::format(" and {} more", names.size() - kMost) : text;
}

/// Brings the classes of an opened set into the order that was asked for.
void match(LoadedSet& set, const std::vector<std::string>& classes, const std::string& where) {
  const std::vector<std::string>& found = set.dataset->classes();
  if (classes.empty() || found.empty()) return;
  std::vector<int> labels = match_classes(found, classes, where);
  set.report.missing_classes = missing_classes(found, classes);
  set.report.other_accents = other_accents(found, classes);
  if (found != classes)
    set.dataset = std::make_shared<Relabeled>(std::move(set.dataset), classes, std::move(labels));
}

}  // namespace

std::string list_bad_files(const std::vector<BadFile>& bad, std::size_t most) {
  std::string text;
  for (std::size_t i = 0; i < std::min(most, bad.size()); ++i)
    text += fmt::format("{}  {}: {}", i == 0 ? "" : "\n", printable(bad[i].path), bad[i].reason);
  if (bad.size() > most) text += fmt::format("\n  and {} more", bad.size() - most);
  return text;
}

std::vector<std::string> LoadReport::notes() const {
  std::vector<std::string> lines;
  if (!bad.empty())
    lines.push_back(fmt::format("left out {}:\n{}",
                                counted(static_cast<std::int64_t>(bad.size()), "bad image"),
                                list_bad_files(bad)));
  if (!merged.empty()) lines.push_back(merged);
  lines.insert(lines.end(), traits.begin(), traits.end());
  const auto add = [&](std::int64_t n, const char* what, const char* why) {
    if (n > 0) lines.push_back(fmt::format("{} {}", counted(n, what), why));
  };
  add(hidden, "hidden file or folder", "skipped (the name begins with a dot)");
  add(others, "file", "skipped (their names are not those of images)");
  add(beside, "image", "skipped (outside the class folders)");
  add(repeated_folders, "folder", "skipped (reached a second time through a link)");
  const auto add_names = [&](const std::vector<std::string>& names, const char* one, const char* many) {
    if (!names.empty())
      lines.push_back(fmt::format("{}: {}", names.size() == 1 ? one : many, quoted_list(names)));
  };
  add_names(empty_folders, "a folder without images is not a class",
            "folders without images are not classes");
  add_names(missing_classes, "a class has no images here", "classes without images here");
  add_names(other_accents,
            "warning: a name has its accents in another form (as macOS writes them) than the class for which "
            "it is taken",
            "warning: names have their accents in another form (as macOS writes them) than the classes for "
            "which they are taken");
  add(reread, "image", "beyond cache_mb, read again when needed");
  if (!stored.empty()) lines.push_back(stored);
  return lines;
}

LoadReport report_of(const ImageFiles& files) {
  LoadReport report;
  report.bad = files.bad;
  report.hidden = files.hidden, report.others = files.others;
  report.beside = files.beside, report.repeated_folders = files.repeated_folders;
  report.empty_folders = files.empty_folders;
  return report;
}

LoadedSet open_images(std::shared_ptr<const ImageFiles> files, std::int64_t begin, std::int64_t end,
                      const ImageSpec& spec, const LoadOptions& options, ThreadPool& pool) {
  if (options.labels_required && files->classes.empty())
    fail("{}: there are images but no class folders; expected {}/<class>/*.png (or jpg ...)", files->where,
         files->where);
  // Names first: a wrong folder should not have to wait for its images.
  if (!options.classes.empty() && !files->classes.empty())
    match_classes(files->classes, options.classes, files->where);
  LoadedImages loaded = load_images(files, begin, end, spec, options.limits, options.cache_bytes, pool,
                                    options.progress, options.sharing, options.store);
  LoadedSet set;
  set.dataset = loaded.dataset;
  set.fingerprints = std::move(loaded.fingerprints);
  LoadReport& report = set.report;
  if (begin == 0) report = report_of(*files);  // reported once, with the first part of the list
  report.bad.insert(report.bad.end(), std::make_move_iterator(loaded.bad.begin()),
                    std::make_move_iterator(loaded.bad.end()));
  std::stable_sort(report.bad.begin(), report.bad.end(),
                   [](const BadFile& a, const BadFile& b) { return natural_less(a.path, b.path); });
  if (!report.bad.empty() && options.bad_images == BadImages::fail)
    fail("{}: {} cannot be used\n{}\nRepair or remove them, or set \"bad_images\" to \"skip\".", files->where,
         counted(static_cast<std::int64_t>(report.bad.size()), "image"),
         list_bad_files(report.bad, report.bad.size()));
  report.reread = loaded.reread;
  report.stored = std::move(loaded.stored);
  report.traits = trait_notes(loaded.traits, spec);
  const bool whole = begin == 0 && end == files->size();
  if (whole && set.dataset->size() == 0)
    fail("{}: none of {} can be used\n{}", files->where, counted(end - begin, "image"),
         list_bad_files(report.bad));
  if (whole && options.classes.empty()) {
    std::vector<std::string> useless = files->bad_folders;
    const std::vector<std::int64_t> counts = count_classes(*set.dataset);
    for (std::size_t c = 0; c < counts.size(); ++c)
      if (counts[c] == 0) useless.push_back(files->classes[c]);
    if (!useless.empty())
      fail("{}: no image of class \"{}\" can be used; repair them or remove the folder\n{}", files->where,
           printable(useless.front()), list_bad_files(report.bad));
  }
  match(set, options.classes, files->where);
  report.class_counts = count_classes(*set.dataset);
  return set;
}

namespace {

/// Opens a set wherever it is; a location that is missing here does not compile.
struct Opener {
  const ImageSpec& spec;
  const LoadOptions& options;
  ThreadPool& pool;

  LoadedSet operator()(const FolderLocation& folder) const {
    auto files =
        std::make_shared<const ImageFiles>(scan_folder(folder.folder, options.listed, options.class_folders));
    std::string merged;
    if (options.classes.empty() && options.class_folders == ClassFolders::automatic) {
      if (const auto question = split_question(*files, config_answers())) fail("{}", *question);
      merged = merged_note(*files, config_answers());
    }
    const std::int64_t size = files->size();
    LoadedSet set = open_images(std::move(files), 0, size, spec, options, pool);
    set.report.merged = std::move(merged);
    return set;
  }
  LoadedSet operator()(const LabelTable& table) const {
    auto files = std::make_shared<const ImageFiles>(read_label_table(table));
    if (options.labels_required && files->classes.empty())
      fail("{}: has no column \"{}\" of labels; \"label_column\" says which it is", files->where,
           printable(table.label_column));
    const std::int64_t size = files->size();
    return open_images(std::move(files), 0, size, spec, options, pool);
  }
  LoadedSet operator()(const IdxLocation& idx) const {
    const std::string where = printable(idx.images.string());
    if (options.labels_required && idx.labels.empty()) fail("{}: its label file is not given", where);
    return packed(load_idx(idx, spec, pool), where);
  }
  LoadedSet operator()(const CifarLocation& cifar) const {
    return packed(load_cifar10(cifar, spec, pool), printable(cifar.files.front().string()));
  }

  LoadedSet packed(std::shared_ptr<const Dataset> dataset, const std::string& where) const {
    LoadedSet set;
    set.dataset = std::move(dataset);
    set.fingerprints = fingerprints_of(*set.dataset, pool);
    match(set, options.classes, where);
    set.report.class_counts = count_classes(*set.dataset);
    return set;
  }
};

}  // namespace

LoadedSet open_dataset(const DataLocation& location, const ImageSpec& spec, const LoadOptions& options,
                       ThreadPool& pool) {
  return std::visit(Opener{spec, options, pool}, location);
}

}  // namespace cnn
