#include "report/terminal.h"

#include <spdlog/fmt/fmt.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "core/unicode.h"

namespace cnn {
namespace {

constexpr int kNarrowest = 40, kWidest = 100;

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// As setlocale looks for it: the first that is set counts.
bool utf8_locale() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (const std::string_view value = variable(name); !value.empty())
      return value.find("UTF-8") != value.npos || value.find("utf8") != value.npos ||
             value.find("UTF8") != value.npos || value.find("utf-8") != value.npos;
  return false;
}

}  // namespace

std::string Terminal::painted(std::string_view text, const char* code) const {
  return color ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

int terminal_columns(int descriptor) {
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const std::string_view columns = ::isatty(descriptor) ? "" : variable("COLUMNS");
  int value = 0;
  const auto [end, fault] = std::from_chars(columns.data(), columns.data() + columns.size(), value);
  const bool is_number = fault == std::errc() && end == columns.data() + columns.size();
  return is_number && value > 0 ? value : kLogColumns;
}

Terminal terminal_of(int descriptor) {
  Terminal terminal;
  terminal.unicode = utf8_locale();
  terminal.columns = std::clamp(terminal_columns(descriptor), kNarrowest, kWidest);
  if (::isatty(descriptor))
    terminal.color = variable("NO_COLOR").empty() && !variable("TERM").empty() && variable("TERM") != "dumb";
  return terminal;
}

std::string wrapped(std::string_view text, int columns, int indent) {
  std::string result;
  int used = 0;
  while (!text.empty()) {
    const std::size_t line_end = text.find('\n');
    std::string_view line = text.substr(0, line_end);
    used = 0;
    bool first = true;
    while (true) {
      const std::size_t word_end = std::min(line.find(' ', line.find_first_not_of(' ')), line.size());
      const std::string_view word = line.substr(0, word_end);  // with the blanks before it
      const int length = display_width(word);
      if (!first && used + length > columns) {
        const std::size_t blanks = std::min(word.find_first_not_of(' '), word.size());
        result += '\n';
        result.append(static_cast<std::size_t>(indent), ' ');
        result += word.substr(blanks);
        used = indent + length - static_cast<int>(blanks);
      } else {
        result += word;
        used += length;
      }
      first = false;
      line.remove_prefix(word_end);
      if (line.find_first_not_of(' ') == line.npos) break;
    }
    if (line_end == text.npos) break;
    result += '\n';
    text.remove_prefix(line_end + 1);
  }
  return result;
}

}  // namespace cnn
