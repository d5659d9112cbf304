#pragma once

#include <string>
#include <string_view>

namespace cnn {

/// Columns of a line of a log.
inline constexpr int kLogColumns = 100;

/// What a reader of a program's output can see.
struct Terminal {
  int columns = kLogColumns;
  bool color = false;    ///< NO_COLOR and TERM=dumb are honored
  bool unicode = false;  ///< the locale's characters are UTF-8

  std::string bold(std::string_view text) const { return painted(text, "1"); }
  std::string yellow(std::string_view text) const { return painted(text, "33"); }
  std::string cyan(std::string_view text) const { return painted(text, "36"); }

 private:
  std::string painted(std::string_view text, const char* code) const;
};

/// Columns of the terminal behind a file descriptor (STDERR_FILENO, say). If it is none: what COLUMNS says,
/// else kLogColumns.
int terminal_columns(int descriptor);

/// Of a file descriptor: from 40 to 100 columns, and no color if it is not a terminal.
Terminal terminal_of(int descriptor);

/// Breaks lines at blanks so that none is longer than `columns`, where words allow; lines that follow a break
/// begin with `indent` blanks. Columns are counted by display_width().
std::string wrapped(std::string_view text, int columns, int indent = 0);

}  // namespace cnn
