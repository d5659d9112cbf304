#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cnn {

/// Any bytes as text of an HTML page: between tags, or between double quotes in an attribute. Invalid UTF-8
/// and control characters become visible as in printable().
std::string html(std::string_view text);

/// The same for text of several lines, as in <pre>: line ends and tabs stay.
std::string html_lines(std::string_view text);

/// The same, at most `most` characters, with an ellipsis where something is cut off.
std::string html_shortened(std::string_view text, std::size_t most);

/// Bytes for a data: address.
std::string base64(std::string_view bytes);

}  // namespace cnn
