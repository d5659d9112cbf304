#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace cnn {

/// Whether the text can be a name in C and in C++: letters, digits and _, no word of the languages, at most
/// 40 characters.
bool is_c_name(const std::string& text);

/// The text as such a name: other characters become _.
std::string c_name(const std::string& text);

/// Not in `taken`, to which it is added: the name, or the name with a number.
std::string unused_c_name(const std::string& text, std::set<std::string>& taken);

/// ASCII letters as small letters, and as capitals.
std::string in_small_letters(std::string_view text);
std::string in_capitals(std::string_view text);

/// The text within a comment, without what could end the comment or begin another one.
std::string comment_text(const std::string& text);

/// The text as a string literal.
std::string c_string(const std::string& text);

/// "0.25f": reads back as the same number.
std::string c_float(float value);

/// `static const float NAME[count] = {...};`, and the same for integers.
std::string c_array(const std::string& name, std::span<const float> values);
std::string c_array(const std::string& type, const std::string& name, std::span<const std::int32_t> values);

/// The lines of a text of src/export/c that go with `features`. "//@ use a|b" begins lines that are kept if
/// one of these is among them, "//@ use !a" if a is not; "//@ always" ends that.
std::string with_features(std::string_view text, const std::set<std::string>& features);

/// Every NAME replaced by `name`.
std::string with_name(std::string_view text, const std::string& name);

}  // namespace cnn
