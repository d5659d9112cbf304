#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/folder_layout.h"
#include "starter/choices.h"

namespace cnn {

/// What is written at the top of a config about the folder that it is for.
struct ConfigHead {
  std::string found;               ///< what is in it
  std::vector<std::string> notes;  ///< warnings
};

/// A config with these choices, as text with comments that say why. Paths below `folder`, that of the config
/// file, or near it are written relative to it. Throws Error (exit 2) for a path that is not UTF-8.
std::string config_text(const FolderLayout& layout, const ConfigHead& head, const Choices& choices,
                        const std::filesystem::path& folder);

}  // namespace cnn
