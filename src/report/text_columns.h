#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace cnn {

/// Columns of the terminal behind a file descriptor (STDERR_FILENO, say); 100 if it is none: a line of a log
/// may be that long.
std::size_t terminal_columns(int file_descriptor);

/// Columns that a printable text takes: code points, which is right for most scripts.
std::size_t width_of(const std::string& text);

/// Padded with blanks to `width` columns: at the end (left) or in front.
std::string left(const std::string& text, std::size_t width);
std::string right(const std::string& text, std::size_t width);

/// Words with blanks between them, on lines that begin with `indent` blanks and take at most `columns`.
std::string wrapped(std::span<const std::string> words, std::size_t indent, std::size_t columns);

/// Cut to `width` columns, with an ellipsis if something is missing.
std::string cut(const std::string& text, std::size_t width);

}  // namespace cnn
