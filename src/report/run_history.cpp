#include "report/run_history.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/// Rows of a table, columns by name.
class CsvTable {
 public:
  explicit CsvTable(const fs::path& path)
      : where_(printable(path.string())), rows_(parse_csv(read_file(path))) {
    if (rows_.empty()) fail("{}: is empty; its first line should name the columns", where_);
  }
  std::size_t rows() const { return rows_.size() - 1; }
  bool has(const char* column) const {
    return std::find(rows_.front().begin(), rows_.front().end(), column) != rows_.front().end();
  }

  const std::string& text(std::size_t row, const char* column) const {
    const std::vector<std::string>& heads = rows_.front();
    const auto head = std::find(heads.begin(), heads.end(), column);
    if (head == heads.end()) fail("{}: has no column \"{}\"", where_, column);
    const auto index = static_cast<std::size_t>(head - heads.begin());
    if (index >= rows_[row + 1].size())
      fail("{}: row {} ends before its column \"{}\"", where_, row + 1, column);
    return rows_[row + 1][index];
  }

  double number(std::size_t row, const char* column) const {
    const std::string& cell = text(row, column);
    if (cell.empty()) return kNone;
    // Not std::from_chars, which reads no floating-point numbers in Apple's library.
    char* end = nullptr;
    const double value = std::strtod(cell.c_str(), &end);
    if (end != cell.c_str() + cell.size())
      fail("{}: row {}, column \"{}\": \"{}\" is not a number", where_, row + 1, column, printable(cell));
    return value;
  }

 private:
  std::string where_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace

std::vector<std::vector<std::string>> parse_csv(const std::string& text) {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> row;
  std::string cell;
  bool quoted = false, begun = false;
  const auto end_cell = [&] { row.push_back(std::exchange(cell, {})); };
  const auto end_row = [&] {
    end_cell();
    rows.push_back(std::exchange(row, {}));
    begun = false;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c != '"')
        cell += c;
      else if (i + 1 < text.size() && text[i + 1] == '"')
        cell += text[++i];
      else
        quoted = false;
    } else if (c == '\n') {
      end_row();
    } else {
      begun = true;
      if (c == ',')
        end_cell();
      else if (c == '"')
        quoted = true;
      else if (c != '\r')
        cell += c;
    }
  }
  if (begun) end_row();
  return rows;
}

RunHistory read_run_history(const fs::path& folder) {
  RunHistory history;
  const CsvTable metrics(folder / "metrics.csv"), activations(folder / "activations.csv");
  for (std::size_t row = 0; row < metrics.rows(); ++row) {
    const auto number = [&](const char* column) { return metrics.number(row, column); };
    history.epochs.push_back({.epoch = static_cast<int>(number("epoch")),
                              .train_loss = number("train_loss"),
                              .train_accuracy = number("train_accuracy"),
                              .validation_loss = number("validation_loss"),
                              .validation_accuracy = number("validation_accuracy"),
                              .learning_rate = number("learning_rate"),
                              .seconds = number("seconds"),
                              .images_per_second = number("images_per_second")});
  }
  for (std::size_t row = 0; row < activations.rows(); ++row) {
    const auto number = [&](const char* column) { return activations.number(row, column); };
    history.layers.push_back(
        {.epoch = static_cast<int>(number("epoch")),
         .layer = activations.text(row, "layer"),
         .values = static_cast<std::int64_t>(number("activations")),
         .active_fraction = number("active_fraction"),
         .mean = number("mean"),
         .standard_deviation = number("std"),
         .gradient_norm = activations.has("gradient_norm") ? number("gradient_norm") : kNone});
  }
  return history;
}

}  // namespace cnn
