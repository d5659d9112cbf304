#include "data/label_table.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "data/csv_table.h"

namespace cnn {
namespace {

using Row = std::vector<CsvCell>;
using Names = std::vector<std::string>;

Names texts_of(const Row& row) {
  Names texts;
  for (const CsvCell& cell : row) texts.push_back(cell.text);
  return texts;
}

/// Numbers of columns.
struct Columns {
  std::size_t path = 0;
  std::optional<std::size_t> label, part;
};

std::optional<std::size_t> find(const Names& names, const std::string& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<std::size_t>(found - names.begin());
}

Columns find_columns(const Row& header, const LabelTable& table, const std::string& where) {
  const Names names = texts_of(header);
  const auto need = [&](const std::string& name, const char* key) {
    const auto column = find(names, name);
    if (!column)
      fail(
          "{}:{}:{}: the first row names no column \"{}\" (\"{}\" says otherwise where it is called "
          "differently); "
          "it has {}{}",
          where, header.front().line, header.front().column, printable(name), key, printable(join(names)),
          did_you_mean(name, names));
    return *column;
  };
  const LabelTable usual;
  Columns columns{need(table.path_column, "path_column"), find(names, table.label_column),
                  find(names, table.split_column)};
  if (table.label_column != usual.label_column) columns.label = need(table.label_column, "label_column");
  if (table.split_column != usual.split_column || !table.split.empty())
    columns.part = need(table.split_column, "split_column");
  return columns;
}

bool belongs(const std::string& part, const LabelTable& table) {
  if (!table.split.empty()) return part == table.split;
  return table.part == DataPart::none || part_of(part) == table.part;
}

const char* word_for(DataPart part) {
  return part == DataPart::train ? "train" : part == DataPart::test ? "test" : "validation";
}

/// Rows in a table, with its first row in front.
template <class OnRow>
void for_each_row(const std::filesystem::path& file, const OnRow& on_row) {
  const std::string where = printable(file.string()), content = read_file(file);
  bool first = true;
  read_csv(content, where, [&](Row& row) {
    on_row(row, first);
    first = false;
  });
  if (first) fail("{}: is empty; expected a first row with the names of the columns", where);
}

}  // namespace

ImageFiles read_label_table(const LabelTable& table) {
  const std::string where = printable(table.file.string());
  Columns columns;
  struct Image {
    std::string path, label;
  };
  std::vector<Image> images;
  std::set<std::string> parts;
  for_each_row(table.file, [&](Row& row, bool first) {
    if (first) return void(columns = find_columns(row, table, where));
    const auto need = [&](std::size_t column, const char* what) -> std::string& {
      CsvCell& cell = row[column];
      if (cell.text.empty()) fail("{}:{}:{}: the {} is empty", where, cell.line, cell.column, what);
      return cell.text;
    };
    if (columns.part) {
      parts.insert(row[*columns.part].text);
      if (!belongs(row[*columns.part].text, table)) return;
    }
    std::string& path = need(columns.path, "path");
    images.push_back({std::move(path), columns.label ? std::move(need(*columns.label, "label")) : ""});
  });
  if (images.empty() && !parts.empty())
    fail("{}: no row belongs to \"{}\"; the column \"{}\" has {}", where,
         printable(table.split.empty() ? word_for(table.part) : table.split), printable(table.split_column),
         printable(join(Names(parts.begin(), parts.end()))));
  if (images.empty()) fail("{}: has no row below the names of its columns", where);

  ImageFiles files;
  files.root = table.file.parent_path();
  files.where = where;
  std::map<std::string, int, decltype([](const auto& a, const auto& b) { return natural_less(a, b); })>
      numbers;
  if (columns.label)
    for (const Image& image : images) numbers.emplace(image.label, 0);
  for (auto& [label, number] : numbers) {
    number = static_cast<int>(files.classes.size());
    files.classes.push_back(label);
  }
  for (const Image& image : images) files.add(image.path, columns.label ? numbers.at(image.label) : -1);
  return files;
}

LabelTable guess_columns(const std::filesystem::path& file) {
  static const Names kPath{"path", "file", "filename", "file_name", "filepath", "image", "image_path", "img"};
  static const Names kLabel{"label", "class", "category", "target", "class_name", "labels"};
  static const Names kSplit{"split", "set", "subset", "partition", "fold"};
  LabelTable table;
  table.file = file;
  for_each_row(file, [&](Row& row, bool first) {
    if (!first) return;
    const auto guess = [&](const Names& usual, std::string& column) {
      for (const std::string& name : usual)
        for (const CsvCell& cell : row) {
          std::string lower = cell.text;
          for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
          if (lower == name) return void(column = cell.text);
        }
    };
    guess(kPath, table.path_column);
    guess(kLabel, table.label_column);
    guess(kSplit, table.split_column);
  });
  return table;
}

std::vector<std::string> parts_of_table(const LabelTable& table) {
  std::vector<std::string> parts;
  std::optional<std::size_t> column;
  for_each_row(table.file, [&](Row& row, bool first) {
    if (first) return void(column = find(texts_of(row), table.split_column));
    if (column && !find(parts, row[*column].text)) parts.push_back(row[*column].text);
  });
  return parts;
}

LabelTable table_of(const std::filesystem::path& file, const std::string& split) {
  LabelTable table = guess_columns(file);
  table.split = split;
  const std::vector<std::string> parts = parts_of_table(table);
  if (parts.size() > 1 && split.empty())
    fail_usage("{}: has images of several sets in the column \"{}\"; say which one with --split: {}",
               printable(file.string()), printable(table.split_column), printable(join(parts)));
  return table;
}

bool is_table_name(const std::filesystem::path& file) {
  std::string ending = file.extension().string();
  for (char& c : ending) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return ending == ".csv";
}

}  // namespace cnn
