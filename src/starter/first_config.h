#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/folder_layout.h"
#include "data/folder_survey.h"
#include "starter/choices.h"

namespace cnn {

/// A config for a folder of images, as text with comments that say why, and the same reasons for a terminal.
struct FirstConfig {
  std::string text;
  std::vector<std::string> summary;  ///< a line each: what was found, what was chosen
};

/// Chooses everything that nobody wished by rules on what was found; the same folder gives the same config.
/// `folder`: that of the config file, absolute; places below it or near it are written relative to it. The
/// text has been read back: it is a valid config for these images. Throws Error (exit 2) if fewer than two
/// classes have an image that can be read, or a path is not UTF-8.
FirstConfig first_config(const FolderLayout& layout, const FolderSurvey& survey, const InitWishes& wishes,
                         const std::filesystem::path& folder);

}  // namespace cnn
