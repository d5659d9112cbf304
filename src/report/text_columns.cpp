#include "report/text_columns.h"

#include <algorithm>
#include <vector>

#include "core/unicode.h"

namespace cnn {
namespace {

bool begins_character(char c) { return (c & 0xC0) != 0x80; }

}  // namespace

std::size_t width_of(const std::string& text) { return static_cast<std::size_t>(display_width(text)); }

std::string left(const std::string& text, std::size_t width) {
  return text + std::string(width - std::min(width, width_of(text)), ' ');
}

std::string right(const std::string& text, std::size_t width) {
  return std::string(width - std::min(width, width_of(text)), ' ') + text;
}

std::string fitting_line(std::span<const LinePart> parts, std::size_t columns) {
  std::vector<LinePart> left(parts.begin(), parts.end());
  for (;;) {
    std::string line;
    for (const LinePart& part : left) line.append(line.empty() ? 0 : 2, ' ').append(part.text);
    const auto lightest = std::ranges::min_element(left, {}, &LinePart::weight);
    const bool all_weigh_most =
        std::ranges::all_of(left, [&](const LinePart& part) { return part.weight == lightest->weight; });
    if (width_of(line) <= columns || left.empty() || all_weigh_most) return line;
    left.erase(lightest);
  }
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

std::string cut(const std::string& text, std::size_t width, bool unicode) {
  if (width_of(text) <= width) return text;
  const std::string ellipsis = unicode ? "…" : "..";
  if (width < width_of(ellipsis)) return "";
  std::string kept = text;
  do {
    do kept.pop_back();
    while (!kept.empty() && !begins_character(text[kept.size()]));
  } while (width_of(kept + ellipsis) > width);
  return kept + ellipsis;
}

}  // namespace cnn
