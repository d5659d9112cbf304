#include "report/layer_table.h"

#include <algorithm>

#include "core/text.h"
#include "report/text_columns.h"

namespace cnn {
namespace {

constexpr std::size_t kGap = 2, kShortestName = 8;
constexpr int kStays = 4;

/// A column of the table: its head, a cell for each layer, and the total.
struct Column {
  std::vector<std::string> cells;
  bool to_the_left = false;
  int weight = kStays;  ///< the least goes first where the line is too long

  std::size_t width() const {
    std::size_t widest = 0;
    for (const std::string& cell : cells) widest = std::max(widest, width_of(cell));
    return widest;
  }
};

template <class Cell>
Column column(const char* head, const std::string& of_input, const std::vector<LayerRow>& rows,
              const Cell& cell) {
  Column result{{head, of_input}};
  for (const LayerRow& row : rows) result.cells.push_back(cell(row));
  return result;
}

Column sums(const char* head, const std::vector<LayerRow>& rows, std::int64_t LayerRow::*number) {
  Column result = column(head, "", rows, [&](const LayerRow& row) { return with_commas(row.*number); });
  std::int64_t total = 0;
  for (const LayerRow& row : rows) total += row.*number;
  result.cells.push_back(with_commas(total));
  return result;
}

std::size_t line_width(const std::vector<Column>& columns) {
  std::size_t width = 0;
  for (const Column& one : columns) width += one.width() + kGap;
  return width - kGap;
}

/// Leaves out columns, then cuts names, until a line fits.
void fit(std::vector<Column>& columns, std::size_t width) {
  while (line_width(columns) > width) {
    const auto lightest = std::ranges::min_element(columns, {}, &Column::weight);
    if (lightest->weight == kStays) break;
    columns.erase(lightest);
  }
  Column& names = columns.front();
  const std::size_t full = line_width(columns);
  if (full <= width) return;
  const std::size_t cut_off = std::min(full - width, names.width() - std::min(names.width(), kShortestName));
  const std::size_t room = names.width() - cut_off;
  for (std::string& name : names.cells) name = cut(name, room);
}

std::string line(const std::vector<Column>& columns, std::size_t row) {
  std::string text;
  for (const Column& one : columns) {
    const std::string& cell = row < one.cells.size() ? one.cells[row] : "";
    text += (one.to_the_left ? left(cell, one.width()) : right(cell, one.width())) + std::string(kGap, ' ');
  }
  text.erase(text.find_last_not_of(' ') + 1);
  return text + "\n";
}

}  // namespace

std::string layer_table(const std::string& input, const std::vector<LayerRow>& rows, int columns) {
  Column names = column("layer", "input", rows, [](const LayerRow& row) { return printable(row.name); });
  names.cells.emplace_back("total");
  names.to_the_left = true;
  Column types = column("type", "", rows, [](const LayerRow& row) { return row.type; });
  types.to_the_left = true;
  types.weight = 2;
  const Column outputs = column("output", input, rows, [](const LayerRow& row) { return row.output; });
  Column mult_adds = sums("mult-adds", rows, &LayerRow::macs);
  mult_adds.weight = 3;
  Column sees = column("sees", "", rows, [](const LayerRow& row) { return row.receptive_field; });
  sees.weight = 1;
  std::vector<Column> table{std::move(names),
                            std::move(types),
                            outputs,
                            sums("activations", rows, &LayerRow::activations),
                            sums("parameters", rows, &LayerRow::parameters),
                            std::move(mult_adds),
                            std::move(sees)};
  fit(table, static_cast<std::size_t>(columns));
  const std::string rule = std::string(line_width(table), '-') + "\n";
  std::string text = line(table, 0) + rule;
  const std::size_t total = rows.size() + 2;
  for (std::size_t row = 1; row < total; ++row) text += line(table, row);
  return text + rule + line(table, total);
}

}  // namespace cnn
