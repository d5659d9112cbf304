#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

#include "config/json_value.h"

namespace cnn {

/// What is wrong with a text, and where.
struct SyntaxFault {
  enum class Cause { not_json, number_too_large };
  std::size_t offset = 0;
  std::string message;
  Cause cause = Cause::not_json;
};

/// Objects and arrays inside each other; a residual block takes two levels.
inline constexpr int kDeepestNesting = 100;

/// JSON with comments. Every value and key gets its byte offset. Faults: whatever is not JSON, a key that
/// appears twice in an object, nesting deeper than kDeepestNesting, NUL bytes, numbers beyond a double.
std::variant<JsonValue, SyntaxFault> parse_json(std::string_view text);

/// Line and column, both from 1; columns count characters, not bytes.
struct LineColumn {
  std::size_t line = 1, column = 1;
};
LineColumn line_column(std::string_view text, std::size_t offset);

}  // namespace cnn
