#include "data/folder_layout.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/text.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

using Names = std::array<std::string_view, 4>;
constexpr Names kTrain{"train", "training", "trainset", "train_set"};
constexpr Names kValidation{"validation", "valid", "val", "dev"};
constexpr Names kTest{"test", "testing", "testset", "test_set"};

bool is_one_of(const Names& names, std::string_view name) {
  std::string lower(name);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return std::find(names.begin(), names.end(), lower) != names.end();
}

bool is_part(std::string_view name) {
  return is_one_of(kTrain, name) || is_one_of(kValidation, name) || is_one_of(kTest, name);
}

/// scan_folder, whose faults are the command line's here.
ImageFiles scan(const fs::path& folder) {
  return with_exit_code(ExitCode::bad_usage, [&] { return scan_folder(folder); });
}

/// The visible folders in a folder, in natural order; none if it cannot be read.
std::vector<std::string> folders_in(const fs::path& folder, std::error_code& error) {
  std::vector<std::string> names;
  for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code unknown;
    if (!name.starts_with('.') && entry->is_directory(unknown)) names.push_back(name);
  }
  std::sort(names.begin(), names.end(), natural_less);
  return names;
}

/// How a message lists names: all of a few, the first of many.
std::string some(std::vector<std::string> names) {
  constexpr std::size_t kMost = 8;
  const std::size_t more = names.size() > kMost ? names.size() - kMost : 0;
  names.resize(std::min(names.size(), kMost));
  return printable(join(names)) + (more > 0 ? fmt::format(" and {} more", more) : "");
}

void refuse_useless(const ImageFiles& files) {
  if (files.classes.empty())
    fail_usage(
        "{}: there are {} images but no folder per class; sort them into {}/<class>/, one folder for each "
        "kind of image",
        files.where, with_commas(files.size()), files.where);
  if (files.classes.size() > 1) return;
  const fs::path only = files.root / files.classes.front();
  std::error_code unknown;
  const std::vector<std::string> inside = folders_in(only, unknown);
  fail_usage("{}: there is one class (\"{}\"); a classifier needs at least 2{}", files.where,
             printable(files.classes.front()),
             inside.size() < 2 ? ""
                               : fmt::format(". The folders in it ({}) look like classes: try --init {}",
                                             some(inside), printable(only.string())));
}

/// A validation or test folder, if it can serve as one.
std::optional<ImageFiles> labeled_part(const fs::path& folder, const ImageFiles& train,
                                       std::vector<std::string>& notes) {
  std::optional<ImageFiles> part;
  try {
    part = scan_folder(folder);
  } catch (const Error& error) {
    notes.push_back(fmt::format("not used: {}", error.what()));
    return std::nullopt;
  }
  const std::string where = printable(folder.string());
  if (part->classes.empty()) {
    notes.push_back(
        fmt::format("not used: {} has no class folders, so the right classes are unknown", where));
    return std::nullopt;
  }
  std::vector<std::string> unknown;
  for (const std::string& name : part->classes)
    if (std::find(train.classes.begin(), train.classes.end(), name) == train.classes.end())
      unknown.push_back(name);
  if (!unknown.empty()) {
    notes.push_back(fmt::format("not used: {} has classes that are missing from the training folder: {}",
                                where, some(unknown)));
    return std::nullopt;
  }
  return part;
}

/// <set>/train was named where <set> would have given more.
void note_siblings(const fs::path& folder, std::vector<std::string>& notes) {
  std::error_code error;
  const fs::path real = fs::canonical(folder, error);
  if (error || !is_one_of(kTrain, real.filename().string())) return;
  std::vector<std::string> parts;
  for (const std::string& name : folders_in(real.parent_path(), error))
    if (is_one_of(kValidation, name) || is_one_of(kTest, name)) parts.push_back(name);
  if (!parts.empty())
    notes.push_back(fmt::format("not used: {} beside it; --init {} takes all of it", some(parts),
                                printable(real.parent_path().string())));
}

}  // namespace

FolderLayout find_layout(const fs::path& folder) {
  const std::string where = printable(folder.string());
  std::error_code error;
  const std::vector<std::string> inside = folders_in(folder, error);
  fs::path train, validation, test;
  std::vector<std::string> others;
  for (const std::string& name : inside) {
    if (is_one_of(kTrain, name) && train.empty())
      train = folder / name;
    else if (is_one_of(kValidation, name) && validation.empty())
      validation = folder / name;
    else if (is_one_of(kTest, name) && test.empty())
      test = folder / name;
    else
      others.push_back(name);
  }
  FolderLayout layout;
  const bool in_parts = !train.empty() && folders_in(train, error).size() > 1 &&
                        (others.empty() || !validation.empty() || !test.empty());
  if (error && !train.empty())
    fail_usage("{}: the folder cannot be read: {}", printable(train.string()), error.message());
  if (!in_parts) {
    layout.train = scan(folder);
    const bool only_parts = !layout.train.classes.empty() &&
                            std::all_of(layout.train.classes.begin(), layout.train.classes.end(), is_part);
    if (only_parts)
      fail_usage(
          "{}: its folders ({}) are named like the parts of a data set, but {}; expected {}/<class>/* or "
          "{}/train/<class>/*",
          where, some(layout.train.classes),
          train.empty() ? "none is called train" : "train holds no folder per class", where, where);
    refuse_useless(layout.train);
    note_siblings(folder, layout.notes);
    return layout;
  }
  layout.train = scan(train);
  refuse_useless(layout.train);
  if (!others.empty())
    layout.notes.push_back(
        fmt::format("not used: the folders beside {}: {}", printable(train.string()), some(others)));
  if (!validation.empty()) layout.validation = labeled_part(validation, layout.train, layout.notes);
  if (!test.empty()) layout.test = labeled_part(test, layout.train, layout.notes);
  return layout;
}

}  // namespace cnn
