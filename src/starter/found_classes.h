#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/folder_survey.h"
#include "data/image_files.h"

namespace cnn {

/// The classes that a training can have, with their numbers of image files.
struct FoundClasses {
  std::vector<std::string> names;
  std::vector<std::int64_t> counts;
  std::vector<std::int64_t> good;  ///< the same without those that are known to be bad
};

/// Throws Error (exit 2) if fewer than two classes have an image that can be read.
FoundClasses find_classes(const ImageFiles& files, const FolderSurvey& survey);

/// "10 classes, 3,000 images (300 each): 28x28 pixels, all grey".
std::string found_words(const ImageFiles& files, const FolderSurvey& survey, const FoundClasses& classes);

/// Warnings: folders that look like classes but would stop a training; uneven and tiny classes.
std::vector<std::string> class_warnings(const ImageFiles& files, const FolderSurvey& survey,
                                        const FoundClasses& classes);

}  // namespace cnn
