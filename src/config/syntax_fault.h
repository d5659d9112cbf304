#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "config/json_value.h"

namespace cnn {

inline constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF";

/// What is wrong with a text, and where.
struct SyntaxFault {
  enum class Cause { not_json, number_too_large };
  std::size_t offset = 0;
  std::string message;
  Cause cause = Cause::not_json;
};

/// Where the parser stood when it stopped.
struct ParserStop {
  std::string_view text;
  std::size_t consumed = 0;              ///< bytes that the lexer has read
  std::size_t end = 0;                   ///< of the last token
  const JsonValue* innermost = nullptr;  ///< the object or array that is open; null: none is
};

/// Turns the parser's message into the user's terms, with the text around the place where it stopped.
SyntaxFault explain_stop(const ParserStop& stop, std::string_view message);

/// Line and column, both from 1; columns count characters, not bytes.
struct LineColumn {
  std::size_t line = 1, column = 1;
};
LineColumn line_column(std::string_view text, std::size_t offset);

/// The next byte from `at` that is neither space nor comment nor, if `punctuation`, a comma or colon.
std::size_t skip_blanks(std::string_view text, std::size_t at, bool punctuation);

bool is_number_character(char c);

/// The number that a text with a decimal comma means, as in "0,003": "0.003"; "" for any other text.
std::string with_decimal_point(std::string_view text);

}  // namespace cnn
