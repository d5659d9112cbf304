#include <algorithm>

#include "core/error.h"
#include "core/text.h"
#include "data/folder_layout.h"
#include "data/label_table.h"

namespace cnn {

FolderLayout find_table_layout(const std::filesystem::path& file) {
  FolderLayout layout;
  LabelTable table = guess_columns(file);
  const auto rows = [&](DataPart part) {
    LabelTable of_part = table;
    of_part.part = part;
    return read_label_table(of_part);
  };
  layout.train = rows(DataPart::train);
  const std::string where = printable(file.string());
  if (layout.train.classes.empty())
    fail_usage("{}: has no column of labels; call one \"{}\"", where, table.label_column);
  if (layout.train.classes.size() < 2)
    fail_usage("{}: all images have the label \"{}\"; a classifier needs at least 2", where,
               printable(layout.train.classes.front()));
  for (const std::string& value : parts_of_table(table)) {
    const DataPart part = part_of(value);
    if (part == DataPart::validation && !layout.validation) layout.validation = rows(part);
    if (part == DataPart::test && !layout.test) layout.test = rows(part);
    if (part == DataPart::none)
      layout.notes.push_back(fmt::format("The rows with \"{}\" in the column \"{}\" are not used.",
                                         printable(value), printable(table.split_column)));
  }
  layout.table = std::move(table);
  return layout;
}

}  // namespace cnn
