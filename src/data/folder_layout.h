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
  /// Labeled, and without classes that train lacks: those parts are left out, and a note says so.
  std::optional<ImageFiles> validation, test;
  std::vector<std::string> notes;
};

/// Recognizes train (training), validation (valid, val, dev) and test (testing), in any case. A folder
/// `train` is a part and no class if it holds class folders itself, and no class lies beside it. Opens no
/// image. Throws Error (exit 2) for what cannot be learned from: no folder, no images, no class folders, one
/// class.
FolderLayout find_layout(const std::filesystem::path& folder);

}  // namespace cnn
