#pragma once

#include <string>

namespace cnn {

/// Text in Unicode's Normalization Form C: letters with their accents composed, as people take them for equal
/// ("ü" as one character, or as "u" and an accent, which is what macOS writes into names of files). Text that
/// is not UTF-8 is returned as it is.
std::string composed(const std::string& text);

}  // namespace cnn
