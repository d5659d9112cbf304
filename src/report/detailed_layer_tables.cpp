#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "core/text.h"
#include "core/unicode.h"
#include "report/layer_table.h"
#include "report/text_columns.h"

namespace cnn {
namespace {

constexpr int kSmallestBar = 6;
constexpr std::size_t kLongestName = 24;

std::string percent_of(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? "-"
                    : fmt::format("{:.1f} %", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

/// "5x5 s1 p2", and dilation and groups where there are any.
std::string window_text(const LayerRow& row) {
  if (row.kernel.empty()) return "";
  std::string text = fmt::format("{} s{} p{}", row.kernel, row.stride, row.padding);
  if (row.dilation != "1") text += " d" + row.dilation;
  if (row.groups > 1) text += fmt::format(" g{}", row.groups);
  return text;
}

/// A bar whose full length is `most`, in eighths of a character where characters can do that.
std::string bar(std::int64_t value, std::int64_t most, int width, const Terminal& terminal) {
  const double length =
      static_cast<double>(value) / static_cast<double>(std::max<std::int64_t>(most, 1)) * width;
  if (!terminal.unicode)
    return std::string(static_cast<std::size_t>(std::max(std::lround(length), value > 0 ? 1L : 0L)), '#');
  static constexpr const char* kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const long eighths = std::max(std::lround(length * 8), value > 0 ? 1L : 0L);
  std::string text;
  for (long i = 0; i < eighths / 8; ++i) text += "█";
  return terminal.cyan(text + kEighths[eighths % 8]);
}

/// Rows of cells as lines: columns aligned, a rule under the head and above the last line.
struct Columns {
  struct Column {
    std::string head;
    bool left = false;
    bool shown = true;
    std::vector<std::string> cells{};
  };
  std::vector<Column> columns;

  int width(const Column& column) const {
    int most = display_width(column.head);
    for (const std::string& cell : column.cells) most = std::max(most, display_width(cell));
    return most;
  }
  int width() const {
    int sum = -2;
    for (const Column& column : columns) sum += column.shown ? width(column) + 2 : 0;
    return sum;
  }
  std::string line(const Column& column, const std::string& cell) const {
    const std::string blanks(static_cast<std::size_t>(width(column) - display_width(cell)), ' ');
    return (column.left ? cell + blanks : blanks + cell) + "  ";
  }
  /// after(row): what stands behind a line.
  template <class After>
  std::string text(const Terminal& terminal, int rule, const After& after) const {
    const auto trimmed = [](std::string one) { return one.erase(one.find_last_not_of(' ') + 1); };
    std::string head, all;
    for (const Column& column : columns)
      if (column.shown) head += line(column, column.head);
    all = terminal.bold(trimmed(head)) + "\n" + std::string(static_cast<std::size_t>(rule), '-') + "\n";
    const std::size_t count = columns.front().cells.size();
    for (std::size_t i = 0; i < count; ++i) {
      if (i + 1 == count) all += std::string(static_cast<std::size_t>(rule), '-') + "\n";
      std::string one;
      for (const Column& column : columns)
        if (column.shown) one += line(column, column.cells[i]);
      all += trimmed(one + after(i)) + "\n";
    }
    return all;
  }
};

/// What stands before each layer's numbers in both tables.
std::string name_cell(const LayerRow& row, bool unicode) {
  return cut(printable(row.name), kLongestName, unicode);
}

std::string shapes(const std::string& input, std::int64_t input_values, const std::vector<LayerRow>& rows,
                   const Terminal& terminal) {
  Columns table;
  table.columns = {{"layer", true}, {"type", true}, {"input"}, {"output"},
                   {"window"},      {"sees"},       {"step"},  {"activations"}};
  const auto add = [&](std::vector<std::string> cells) {
    for (std::size_t c = 0; c < cells.size(); ++c) table.columns[c].cells.push_back(std::move(cells[c]));
  };
  add({"input", "", "", input, "", "", "", with_commas(input_values)});
  std::int64_t total = 0, most = input_values;
  std::vector<std::int64_t> counts{input_values};
  for (const LayerRow& row : rows) {
    add({name_cell(row, terminal.unicode), row.type, row.input, row.output, window_text(row),
         row.receptive_field, row.effective_stride.empty() ? "-" : row.effective_stride,
         with_commas(row.activations)});
    counts.push_back(row.activations);
    total += row.activations;
    most = std::max(most, row.activations);
  }
  add({"total", "", "", "", "", "", "", with_commas(total)});
  // A narrow terminal does without what stands elsewhere too: the input is the output of the line above.
  for (const std::size_t spare : {2u, 1u, 6u})
    if (table.width() + 2 + kSmallestBar > terminal.columns) table.columns[spare].shown = false;
  const int bar_width = terminal.columns - table.width() - 2;
  return table.text(
      terminal, std::min(terminal.columns, table.width() + 2 + std::max(bar_width, 0)), [&](std::size_t i) {
        return i < counts.size() && bar_width >= kSmallestBar ? bar(counts[i], most, bar_width, terminal)
                                                              : std::string();
      });
}

std::string costs(const std::vector<LayerRow>& rows, const MemoryNeeds& memory, const Terminal& terminal) {
  Columns table;
  table.columns = {{"layer", true}, {"parameters"}, {"share"},     {"mult-adds"},
                   {"share"},       {"training"},   {"evaluation"}};
  const auto add = [&](std::vector<std::string> cells) {
    for (std::size_t c = 0; c < cells.size(); ++c) table.columns[c].cells.push_back(std::move(cells[c]));
  };
  LayerRow total;
  for (const LayerRow& row : rows) {
    total.parameters += row.parameters;
    total.macs += row.macs;
    total.training_bytes += row.training_bytes;
    total.evaluation_bytes += row.evaluation_bytes;
  }
  const auto cells = [&](const std::string& name, const LayerRow& row) {
    add({name, with_commas(row.parameters), percent_of(row.parameters, total.parameters),
         with_commas(row.macs), percent_of(row.macs, total.macs), human_bytes(row.training_bytes),
         human_bytes(row.evaluation_bytes)});
  };
  for (const LayerRow& row : rows) cells(name_cell(row, terminal.unicode), row);
  cells("total", total);
  for (const std::size_t spare : {4u, 2u})
    if (table.width() > terminal.columns) table.columns[spare].shown = false;
  return table.text(terminal, std::min(terminal.columns, table.width()),
                    [](std::size_t) { return std::string(); }) +
         wrapped(fmt::format(
                     "training, evaluation: memory of a batch of {} for outputs, gradients, parameters and "
                     "optimizer. The engine shares memory between layers: {} to evaluate, and {} to train on "
                     "{}, including the evaluations in between and the best model, but not the images.",
                     memory.batch_size, human_bytes(memory.evaluation_bytes),
                     human_bytes(memory.training_bytes), counted(memory.threads, "thread")),
                 terminal.columns) +
         "\n";
}

std::int64_t positions_of(const LayerRow& row) { return std::int64_t{row.height} * row.width; }

/// What a convolution saves, its name left out.
std::string sharing_sentence(const LayerRow& row) {
  const std::int64_t positions = positions_of(row);
  std::string counts = fmt::format("{} instead of {}", with_commas(row.parameters),
                                   with_commas(row.dense_equivalent_parameters));
  if (row.parameters >= row.dense_equivalent_parameters)
    return counts + ": the kernel has one position only and reads every input there, so nothing is shared.";
  const double times = static_cast<double>(row.dense_equivalent_parameters) /
                       static_cast<double>(std::max<std::int64_t>(row.parameters, 1));
  return fmt::format("{}: {} times fewer, because {}. Each output reads {} of {} inputs{}.", counts,
                     times < 100 ? fmt::format("{:.3g}", times) : with_commas(std::llround(times)),
                     positions > 1 ? fmt::format("one kernel serves all {} positions", with_commas(positions))
                                   : "an output is connected to only a part of the inputs",
                     with_commas(row.inputs_per_output), with_commas(row.inputs),
                     row.groups > 1 ? fmt::format(", those of its group among {}", row.groups) : "");
}

}  // namespace

std::string detailed_layer_tables(const std::string& input, std::int64_t input_values,
                                  const std::vector<LayerRow>& rows, const MemoryNeeds& memory,
                                  const Terminal& terminal) {
  return shapes(input, input_values, rows, terminal) + "\n" + costs(rows, memory, terminal);
}

std::string markdown_layer_table(const std::string& input, std::int64_t input_values,
                                 const std::vector<LayerRow>& rows) {
  LayerRow total;
  for (const LayerRow& row : rows) {
    total.activations += row.activations;
    total.parameters += row.parameters;
    total.macs += row.macs;
    total.training_bytes += row.training_bytes;
    total.evaluation_bytes += row.evaluation_bytes;
  }
  std::string text =
      "| layer | type | input | output | kernel | stride | padding | activations | parameters | share | "
      "mult-adds | sees | step | training | evaluation |\n"
      "|---|---|---|---|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|\n";
  text += fmt::format("| input | | | {} | | | | {} | | | | | | | |\n", input, with_commas(input_values));
  for (const LayerRow& row : rows) {
    std::string kernel = row.kernel;
    if (!kernel.empty() && row.dilation != "1") kernel += ", dilation " + row.dilation;
    if (row.groups > 1) kernel += fmt::format(", groups {}", row.groups);
    text +=
        fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
                    markdown_text(row.name), markdown_text(row.type), row.input, row.output, kernel,
                    row.stride, row.padding, with_commas(row.activations), with_commas(row.parameters),
                    percent_of(row.parameters, total.parameters), with_commas(row.macs), row.receptive_field,
                    row.effective_stride, human_bytes(row.training_bytes), human_bytes(row.evaluation_bytes));
  }
  return text + fmt::format("| **total** | | | | | | | {} | {} | | {} | | | {} | {} |\n",
                            with_commas(total.activations), with_commas(total.parameters),
                            with_commas(total.macs), human_bytes(total.training_bytes),
                            human_bytes(total.evaluation_bytes));
}

std::string markdown_text(std::string_view text) {
  std::string escaped;
  for (const char c : printable(text)) {
    if (std::string_view("\\`*_{}[]<>|#&~!$").find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::vector<std::string> sharing_sentences(const std::vector<LayerRow>& rows) {
  std::vector<const LayerRow*> convolutions;
  for (const LayerRow& row : rows)
    if (row.dense_equivalent_parameters > 0) convolutions.push_back(&row);
  const auto numbers = [](const LayerRow& row) {
    return std::tuple(row.parameters, row.dense_equivalent_parameters, positions_of(row), row.inputs,
                      row.inputs_per_output, row.groups);
  };
  std::vector<std::string> sentences;
  for (std::size_t begin = 0, end; begin < convolutions.size(); begin = end) {
    const LayerRow& first = *convolutions[begin];
    for (end = begin + 1; end < convolutions.size() && numbers(*convolutions[end]) == numbers(first);) ++end;
    std::string names = printable(first.name);
    if (end - begin > 1)
      names += fmt::format("{}{}, each", end - begin > 2 ? " to " : " and ",
                           printable(convolutions[end - 1]->name));
    sentences.push_back(fmt::format("{}: {}", names, sharing_sentence(first)));
  }
  return sentences;
}

}  // namespace cnn
