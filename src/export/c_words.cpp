#include "export/c_words.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "core/error.h"
#include "core/text.h"

namespace cnn {
namespace {

constexpr std::size_t kLongestName = 40;

/// Of C99 and C++20, and what the standard headers of both claim for themselves.
constexpr auto kTaken = std::to_array<std::string_view>(
    {"alignas",  "alignof",  "and",      "asm",      "auto",    "bool",      "break",    "case",
     "catch",    "char",     "class",    "compl",    "concept", "const",     "continue", "decltype",
     "default",  "delete",   "do",       "double",   "else",    "enum",      "explicit", "export",
     "extern",   "false",    "float",    "for",      "friend",  "goto",      "if",       "inline",
     "int",      "layer",    "long",     "main",     "mutable", "namespace", "new",      "noexcept",
     "not",      "nullptr",  "operator", "or",       "private", "protected", "public",   "register",
     "requires", "restrict", "return",   "short",    "signed",  "sizeof",    "static",   "std",
     "struct",   "switch",   "template", "this",     "throw",   "true",      "try",      "typedef",
     "typeid",   "typename", "union",    "unsigned", "using",   "virtual",   "void",     "volatile",
     "while",    "xor"});

/// Characters that change the direction of the text behind them, in UTF-8; compilers warn of them.
constexpr auto kTurns = std::to_array<std::string_view>(
    {"\xD8\x9C", "\xE2\x80\x8E", "\xE2\x80\x8F", "\xE2\x80\xAA", "\xE2\x80\xAB", "\xE2\x80\xAC",
     "\xE2\x80\xAD", "\xE2\x80\xAE", "\xE2\x81\xA6", "\xE2\x81\xA7", "\xE2\x81\xA8", "\xE2\x81\xA9"});

/// The bytes of such a character at the start of the text; else 0.
std::size_t turn_length(std::string_view text) {
  const auto found =
      std::ranges::find_if(kTurns, [&](std::string_view turn) { return text.starts_with(turn); });
  return found == kTurns.end() ? 0 : found->size();
}

bool is_name_character(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

template <class Text>
std::string array_of(const std::string& head, std::size_t count, const Text& text_of) {
  constexpr std::size_t kColumns = 110;
  std::string out = head + " = {\n    ", line;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string number = text_of(i) + (i + 1 < count ? "," : "");
    if (!line.empty() && line.size() + 1 + number.size() > kColumns) {
      out += line + "\n    ";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + number;
  }
  return out + line + "};\n";
}

bool is_wanted(std::string_view condition, const std::set<std::string>& features) {
  if (condition.starts_with("!")) return !features.contains(std::string(condition.substr(1)));
  while (!condition.empty()) {
    const std::size_t end = std::min(condition.find('|'), condition.size());
    if (features.contains(std::string(condition.substr(0, end)))) return true;
    condition.remove_prefix(std::min(end + 1, condition.size()));
  }
  return false;
}

}  // namespace

bool is_c_name(const std::string& text) {
  return !text.empty() && text.size() <= kLongestName && std::ranges::all_of(text, is_name_character) &&
         !std::isdigit(static_cast<unsigned char>(text[0])) && text[0] != '_' &&
         text.find("__") == std::string::npos && std::ranges::find(kTaken, text) == kTaken.end();
}

std::string c_name(const std::string& text) {
  std::string name;
  for (const char c : text)
    if (is_name_character(c))
      name += c;
    else if (!name.empty() && name.back() != '_')
      name += '_';
  while (name.find("__") != std::string::npos) name.erase(name.find("__"), 1);
  name = name.substr(0, kLongestName - 5);
  while (!name.empty() && (name.front() == '_' || name.back() == '_'))
    name.erase(name.front() == '_' ? 0 : name.size() - 1, 1);
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0]))) name = "net_" + name;
  if (name.back() == '_') name.pop_back();
  return is_c_name(name) ? name : name + "_net";
}

std::string unused_c_name(const std::string& text, std::set<std::string>& taken) {
  const std::string name = c_name(text);
  std::string free = name;
  for (int i = 2; !taken.insert(free).second; ++i) free = fmt::format("{}_{}", name, i);
  return free;
}

std::string in_small_letters(std::string_view text) {
  std::string out;
  for (const char c : text) out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::string in_capitals(std::string_view text) {
  std::string out;
  for (const char c : text) out += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

std::string comment_text(const std::string& text) {
  const std::string shown = printable(text);
  std::string out;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const std::size_t turn = turn_length(std::string_view(shown).substr(i));
    out += turn > 0 || std::string_view("*/\\?").find(shown[i]) != std::string_view::npos ? '_' : shown[i];
    if (turn > 0) i += turn - 1;
  }
  return out;
}

std::string c_string(const std::string& text) {
  std::string out = "\"";
  std::size_t escaped = 0;  // bytes before this place
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    escaped = std::max(escaped, i + turn_length(std::string_view(text).substr(i)));
    if (c == '"' || c == '\\' || c == '?')  // ?: "??/" means something in C99
      out += std::string("\\") + c;
    else if (byte < 0x20 || byte == 0x7f || i < escaped)
      out += fmt::format("\\{:03o}", byte);
    else
      out += c;
  }
  return out + "\"";
}

std::string c_float(float value) {
  std::string text = exact(value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text + "f";
}

std::string c_array(const std::string& name, std::span<const float> values) {
  return array_of(fmt::format("static const float {}[{}]", name, values.size()), values.size(),
                  [&](std::size_t i) { return c_float(values[i]); });
}

std::string c_array(const std::string& type, const std::string& name, std::span<const std::int32_t> values) {
  return array_of(fmt::format("static const {} {}[{}]", type, name, values.size()), values.size(),
                  [&](std::size_t i) { return std::to_string(values[i]); });
}

std::string with_features(std::string_view text, const std::set<std::string>& features) {
  std::string out;
  bool wanted = true;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1);
    const std::string_view line = text.substr(0, end + 1);
    text.remove_prefix(end + 1);
    const std::size_t mark = line.find("//@ ");
    if (mark == std::string_view::npos) {
      if (wanted) out += line;
      continue;
    }
    std::string_view order = line.substr(mark + 4);
    order = order.substr(0, order.find('\n'));
    CNN_CHECK(order == "always" || order.starts_with("use "), "what is \"{}\"?", order);
    wanted = order == "always" || is_wanted(order.substr(4), features);
  }
  return out;
}

std::string with_name(std::string_view text, const std::string& name) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t found = std::min(text.find("NAME", at), text.size());
    out += text.substr(at, found - at);
    if (found < text.size()) out += name;
    at = found + 4;
  }
  return out;
}

}  // namespace cnn
