#include "data/csv_table.h"

#include "core/error.h"

namespace cnn {
namespace {

/// Walks through the table cell by cell.
class CsvReader {
 public:
  CsvReader(std::string_view content, const std::string& where) : content_(content), where_(where) {
    constexpr std::string_view kMark = "\xEF\xBB\xBF";
    if (content_.starts_with(kMark)) at_ = line_begin_ = kMark.size();
  }

  /// False at the end of the table.
  bool next(std::vector<CsvCell>& row) {
    while (skip_line_end()) continue;
    if (ended()) return false;
    row.clear();
    for (;;) {
      row.push_back(cell());
      if (ended() || skip_line_end()) return true;
      ++at_;  // the comma
    }
  }

 private:
  bool ended() const { return at_ >= content_.size(); }
  bool at_line_end() const {
    return content_[at_] == '\n' || content_.substr(at_, 2) == "\r\n" ||
           (content_[at_] == '\r' && at_ + 1 == content_.size());
  }
  bool skip_line_end() {
    if (ended() || !at_line_end()) return false;
    at_ += content_[at_] == '\r' ? 2 : 1;
    begin_line();
    return true;
  }
  void begin_line() {
    ++line_;
    line_begin_ = at_;
  }
  std::int64_t column() const { return static_cast<std::int64_t>(at_ - line_begin_) + 1; }

  CsvCell cell() {
    CsvCell cell{"", line_, column()};
    if (!ended() && content_[at_] == '"') return quoted(std::move(cell));
    const std::size_t begin = at_;
    for (; !ended() && content_[at_] != ',' && !at_line_end(); ++at_)
      if (content_[at_] == '"')
        refuse(line_, column(), "a quote within a cell; put the whole cell in quotes, and double this one");
    cell.text = content_.substr(begin, at_ - begin);
    return cell;
  }

  CsvCell quoted(CsvCell cell) {
    for (++at_; !ended(); ++at_) {
      const char c = content_[at_];
      if (c == '"' && content_.substr(at_ + 1, 1) != "\"") {
        ++at_;
        if (!ended() && content_[at_] != ',' && !at_line_end())
          refuse(line_, column(), "text behind a closing quote; expected a comma or the end of the line");
        return cell;
      }
      if (c == '"') ++at_;
      cell.text += c;
      if (c == '\n') {
        ++line_;
        line_begin_ = at_ + 1;
      }
    }
    refuse(cell.line, cell.column, "this quote is never closed");
  }

  [[noreturn]] void refuse(std::int64_t line, std::int64_t column, const char* what) const {
    fail("{}:{}:{}: {}", where_, line, column, what);
  }

  std::string_view content_;
  const std::string& where_;
  std::size_t at_ = 0, line_begin_ = 0;
  std::int64_t line_ = 1;
};

}  // namespace

void read_csv(std::string_view content, const std::string& where,
              const std::function<void(std::vector<CsvCell>& row)>& row) {
  CsvReader reader(content, where);
  std::vector<CsvCell> cells;
  std::size_t columns = 0;
  while (reader.next(cells)) {
    if (columns == 0) columns = cells.size();
    if (cells.size() != columns)
      fail("{}:{}:{}: this row has {} cells, but the first one has {}", where, cells.front().line,
           cells.front().column, cells.size(), columns);
    row(cells);
  }
}

}  // namespace cnn
