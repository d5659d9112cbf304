#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"

namespace cnn {

/// What is odd about the classes of a training set and of its validation and test sets (nullptr: there is
/// none), a line each: no images of a class, very different numbers of images, names that differ in case,
/// spaces, dashes or the form of accents only. The sets have the same classes.
std::vector<std::string> class_notes(const Dataset& train, const Dataset* validation, const Dataset* test);

}  // namespace cnn
