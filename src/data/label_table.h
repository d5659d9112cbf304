#pragma once

#include <string>
#include <vector>

#include "data/class_structure.h"
#include "data/data_spec.h"
#include "data/image_files.h"

namespace cnn {

/// The image files that a table lists, with the labels that it gives them; paths are relative to the table's
/// folder. Rows of other parts are left out. The classes are the labels of what is left, in natural order;
/// none if the table has no column of labels. Opens no image. Throws Error with file, line and column.
ImageFiles read_label_table(const LabelTable& table);

/// The columns of a table by the names that people give them ("filename", "class", "set"), for --init.
/// Columns that are not found keep the names of the config's defaults.
LabelTable guess_columns(const std::filesystem::path& file);

/// The different values in the column of parts, as they come; empty without such a column.
std::vector<std::string> parts_of_table(const LabelTable& table);

/// The rows of a table for cnn-eval. Throws Error (exit 2) if it has several sets and `split` names none:
/// they would mix images that the model was trained on with others.
LabelTable table_of(const std::filesystem::path& file, const std::string& split);

/// Whether a file is meant by its name: .csv, in any case.
bool is_table_name(const std::filesystem::path& file);

}  // namespace cnn
