#pragma once

#include <string>
#include <string_view>

namespace cnn {

/// Text in Unicode's Normalization Form C: letters with their accents composed, as people take them for equal
/// ("ü" as one character, or as "u" and an accent, which is what macOS writes into names of files). Text that
/// is not UTF-8 is returned as it is.
std::string composed(const std::string& text);

/// Columns that a printable text takes on a terminal: two for wide characters (Chinese, emoji), none for
/// accents that belong to the letter before. Bytes that are not UTF-8 count as one each.
int display_width(std::string_view text);

}  // namespace cnn
