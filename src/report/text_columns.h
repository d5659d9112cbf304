#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace cnn {

/// Columns that a printable text takes on a terminal.
std::size_t width_of(const std::string& text);

/// Padded with blanks to `width` columns: at the end (left) or in front.
std::string left(const std::string& text, std::size_t width);
std::string right(const std::string& text, std::size_t width);

/// A part of a line, which goes if the line is too long: those of the least weight first.
struct LinePart {
  std::string text;
  int weight = 0;
};

/// The parts with two blanks between them, without those that do not fit into `columns`. What weighs most
/// stays.
std::string fitting_line(std::span<const LinePart> parts, std::size_t columns);

/// Words with blanks between them, on lines that begin with `indent` blanks and take at most `columns`.
std::string wrapped(std::span<const std::string> words, std::size_t indent, std::size_t columns);

/// Cut to `width` columns, with an ellipsis if something is missing: two dots where characters cannot show
/// one.
std::string cut(const std::string& text, std::size_t width, bool unicode = true);

}  // namespace cnn
