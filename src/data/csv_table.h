#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace cnn {

/// A cell, and where it begins in the file; both count from 1, columns in bytes.
struct CsvCell {
  std::string text;
  std::int64_t line = 1, column = 1;
};

/// Reads a table as RFC 4180 has it: cells between commas, lines end with LF or CRLF, a cell in double quotes
/// may hold all of these, and "" in it stands for a quote. A byte order mark and empty lines are skipped.
/// Calls row for each, in order. Throws Error that begins with `where` and the place: for a quote within a
/// cell that does not begin with one, for text behind a closing quote, for a cell that never ends, and for
/// a row whose number of cells is not that of the first row.
void read_csv(std::string_view content, const std::string& where,
              const std::function<void(std::vector<CsvCell>& row)>& row);

}  // namespace cnn
