#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/image_files.h"

namespace cnn {

/// A data set as people lay it out in folders: <folder>/<class>/*, or <folder>/train/<class>/* with test and
/// validation folders beside it.
struct FolderLayout {
  ImageFiles train;
  ClassFolders class_folders = ClassFolders::automatic;
  /// Labeled, and without classes that train lacks: those parts are left out, and a note says so.
  std::optional<ImageFiles> validation, test;
  std::optional<LabelTable> table;  ///< that lists the images, instead of folders
  std::vector<std::string> notes;
};

/// Recognizes parts by their names (see part_of()), also where each holds a single folder of the same name. A
/// training part is no class if it holds class folders itself, and if it lies alone or beside another part.
/// class_folders: the classes in each part. Opens no image. Throws Error (exit 2) for what cannot be learned
/// from: no folder, no images, no class folders, one class; and for classes that look like parts, unless
/// class_folders says what they are.
FolderLayout find_layout(const std::filesystem::path& folder,
                         ClassFolders class_folders = ClassFolders::automatic);

/// The same for a table: its rows for training, and those for validation and test if it has any. Throws Error
/// (exit 2) for a table without labels or with one class, and as read_label_table() does.
FolderLayout find_table_layout(const std::filesystem::path& file);

}  // namespace cnn
