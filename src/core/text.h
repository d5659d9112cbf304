#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cnn {

/// The shortest decimal that reads back as exactly the same number ("0.1", "1e-08"). NaN and infinity: "nan",
/// "inf".
std::string exact(double value);
std::string exact(float value);

/// A loss for a line of text: "0.1235", and from a million on "1.0450e+36".
std::string loss_text(double loss);

/// 1234567 -> "1,234,567".
std::string with_commas(std::int64_t value);

/// "1 map", "1,234 maps". `what`: the singular, whose plural takes an s.
std::string counted(std::int64_t n, std::string_view what);

/// 1536 -> "1.5 KiB".
std::string human_bytes(std::int64_t bytes);

/// 75.2 -> "1 min 15 s"; 0.41 -> "0.41 s".
std::string human_seconds(double seconds);

/// The message without the names that the JSON library gives its errors: "[json.exception.type_error.302] ".
std::string without_json_names(std::string message);

/// "a, b, c".
std::string join(std::span<const std::string> words, std::string_view separator = ", ");

/// The candidate that `word` was probably meant to be, by edit distance (swapped neighbors count once), or
/// "".
std::string closest(std::string_view word, std::span<const std::string> candidates);

/// " (did you mean "x"?)", or "" when nothing is close. To be appended to an error message.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

/// Order in which people count: runs of digits compare as numbers, "2" < "10". Ties by plain byte order.
bool natural_less(std::string_view a, std::string_view b);

/// The text as a cell of a CSV table: in quotes where it must be.
std::string csv_cell(const std::string& text);

/// Whether the text is well-formed UTF-8, as JSON demands.
bool is_utf8(std::string_view text);

/// Control characters and invalid UTF-8 as \n, \t or \xHH, so that a file name can be shown on one line.
std::string printable(std::string_view text);

}  // namespace cnn
