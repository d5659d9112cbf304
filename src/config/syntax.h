#pragma once

#include <cstddef>
#include <string_view>
#include <variant>

#include "config/json_value.h"
#include "config/syntax_fault.h"

namespace cnn {

/// Objects and arrays inside each other; a residual block takes two levels.
inline constexpr int kDeepestNesting = 100;

/// JSON with comments. Every value and key gets its byte offset. Faults: whatever is not JSON, a key that
/// appears twice in an object, nesting deeper than kDeepestNesting, NUL bytes, numbers beyond a double.
std::variant<JsonValue, SyntaxFault> parse_json(std::string_view text);

}  // namespace cnn
