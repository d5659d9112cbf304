#include "report/text_columns.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

namespace cnn {
namespace {

constexpr std::size_t kColumnsOfLog = 100;

bool begins_character(char c) { return (c & 0xC0) != 0x80; }

}  // namespace

std::size_t terminal_columns(int file_descriptor) {
  struct winsize size {};
  if (::ioctl(file_descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kColumnsOfLog;
  return size.ws_col;
}

std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

std::string left(const std::string& text, std::size_t width) {
  return text + std::string(width - std::min(width, width_of(text)), ' ');
}

std::string right(const std::string& text, std::size_t width) {
  return std::string(width - std::min(width, width_of(text)), ' ') + text;
}

std::string wrapped(std::span<const std::string> words, std::size_t indent, std::size_t columns) {
  std::string text, line(indent, ' ');
  for (const std::string& word : words) {
    const bool first = width_of(line) == indent;
    if (!first && width_of(line) + 1 + width_of(word) > columns) {
      text += line + "\n";
      line = std::string(indent, ' ') + word;
    } else {
      line += (first ? "" : " ") + word;
    }
  }
  return text + line;
}

std::string cut(const std::string& text, std::size_t width) {
  if (width_of(text) <= width) return text;
  std::size_t end = 0;
  for (std::size_t i = 0, column = 0; i < text.size() && column < width; ++i)
    if (begins_character(text[i])) ++column, end = i;
  return width == 0 ? "" : text.substr(0, end) + "…";
}

}  // namespace cnn
