#include "data/folder_layout.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "data/class_structure.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

/// How --init answers the question which folders are the classes.
AnswerWords init_answers() { return {"add --classes top", "add --classes leaf", "use --init "}; }

/// scan_folder, whose faults are the command line's here.
ImageFiles scan(const fs::path& folder, ClassFolders class_folders) {
  return with_exit_code(ExitCode::bad_usage, [&] { return scan_folder(folder, {}, class_folders); });
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

/// The folder in which the classes of a part lie: archives often hold seg_train/seg_train/<class>.
fs::path unwrapped(fs::path part) {
  for (;;) {
    std::error_code error;
    const std::vector<std::string> inside = folders_in(part, error);
    if (inside.size() != 1 || part_of(inside.front()) != part_of(part.filename().string())) return part;
    part /= inside.front();
  }
}

/// How a message lists names: all of a few, the first of many.
std::string some(std::vector<std::string> names) {
  constexpr std::size_t kMost = 8;
  const std::size_t more = names.size() > kMost ? names.size() - kMost : 0;
  names.resize(std::min(names.size(), kMost));
  return printable(join(names)) + (more > 0 ? fmt::format(" and {} more", more) : "");
}

void refuse_useless(const ImageFiles& files) {
  for (const std::string& name : files.classes)
    if (!is_utf8(name))
      fail_usage(
          "{}: the name of the class folder \"{}\" is not UTF-8, so a model cannot store it; rename it, or "
          "all "
          "of an old archive with convmv -f LATIN1 -t UTF-8 -r",
          files.where, printable(name));
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
std::optional<ImageFiles> labeled_part(const fs::path& wrapped, const ImageFiles& train,
                                       ClassFolders class_folders, std::vector<std::string>& notes) {
  const fs::path folder = unwrapped(wrapped);
  std::optional<ImageFiles> part;
  try {
    part = scan_folder(folder, {}, class_folders);
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
  if (error || part_of(real.filename().string()) != DataPart::train) return;
  std::vector<std::string> parts;
  for (const std::string& name : folders_in(real.parent_path(), error))
    if (are_parts({real.filename().string(), name})) parts.push_back(name);
  if (!parts.empty())
    notes.push_back(fmt::format("not used: {} beside it; --init {} takes all of it", some(parts),
                                printable(real.parent_path().string())));
}

/// The parts that lie in a folder, by their names.
struct Parts {
  fs::path train, validation, test;
  std::vector<std::string> others;
};

Parts parts_in(const fs::path& folder, const std::vector<std::string>& inside) {
  Parts parts;
  for (const std::string& name : inside) {
    const DataPart part = part_of(name);
    fs::path* place = part == DataPart::train        ? &parts.train
                      : part == DataPart::validation ? &parts.validation
                      : part == DataPart::test       ? &parts.test
                                                     : nullptr;
    if (place && place->empty())
      *place = folder / name;
    else
      parts.others.push_back(name);
  }
  return parts;
}

/// Throws Error (exit 2) for class folders that look like parts.
void refuse_parts(const ImageFiles& files) {
  if (const auto question = split_question(files, init_answers())) fail_usage("{}", *question);
}

/// A folder whose folders are the classes.
FolderLayout layout_of_classes(const fs::path& folder, const Parts& parts, ClassFolders class_folders) {
  FolderLayout layout;
  layout.class_folders = class_folders;
  layout.train = scan(folder, class_folders);
  const std::string where = printable(folder.string());
  const auto& classes = layout.train.classes;
  if (!classes.empty() && class_folders == ClassFolders::automatic &&
      std::ranges::all_of(classes, is_nothing_but_part))
    fail_usage(
        "{}: its folders ({}) are named like the parts of a data set, but {}; expected {}/<class>/* or "
        "{}/train/<class>/*",
        where, some(classes),
        parts.train.empty() ? "none is called train" : "train holds no folder per class", where, where);
  refuse_useless(layout.train);
  if (class_folders == ClassFolders::automatic) refuse_parts(layout.train);
  note_siblings(folder, layout.notes);
  return layout;
}

}  // namespace

FolderLayout find_layout(const fs::path& folder, ClassFolders class_folders) {
  std::error_code error;
  const std::vector<std::string> inside = folders_in(folder, error);
  const Parts parts = parts_in(folder, inside);
  const fs::path train = parts.train.empty() ? parts.train : unwrapped(parts.train);
  const bool in_parts =
      !train.empty() && folders_in(train, error).size() > 1 && (inside.size() == 1 || are_parts(inside));
  if (error && !train.empty())
    fail_usage("{}: the folder cannot be read: {}", printable(train.string()), error.message());
  FolderLayout layout;
  if (!in_parts) {
    layout = layout_of_classes(folder, parts, class_folders);
  } else {
    layout.class_folders = class_folders;
    layout.train = scan(train, class_folders);
    refuse_useless(layout.train);
    if (class_folders == ClassFolders::automatic) refuse_parts(layout.train);
    if (!parts.others.empty())
      layout.notes.push_back(fmt::format("not used: the folders beside {}: {}",
                                         printable(parts.train.string()), some(parts.others)));
    const auto part = [&](const fs::path& place) {
      return place.empty() ? std::nullopt : labeled_part(place, layout.train, class_folders, layout.notes);
    };
    layout.validation = part(parts.validation);
    layout.test = part(parts.test);
  }
  if (class_folders == ClassFolders::automatic)
    if (std::string note = merged_note(layout.train, init_answers()); !note.empty())
      layout.notes.push_back(std::move(note));
  return layout;
}

}  // namespace cnn
