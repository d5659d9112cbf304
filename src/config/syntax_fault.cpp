#include "config/syntax_fault.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <optional>

#include "core/text.h"

namespace cnn {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// The parser's message without what it quotes from the text, which may say anything.
std::string own_words(std::string what) {
  const std::size_t quote = what.find("; last read: '");
  if (quote != std::string::npos) what.erase(quote, what.rfind('\'') + 1 - quote);
  return what;
}

/// Finds words for what stopped the parser.
class FaultExplanation {
 public:
  explicit FaultExplanation(const ParserStop& at)
      : text_(at.text), consumed_(at.consumed), end_(at.end), innermost_(at.innermost) {}

  SyntaxFault fault;

  /// Turns the parser's complaint into the user's terms: looks at the text at the place it stopped.
  void explain(std::string_view what) {
    const auto says = [&](std::string_view part) { return what.find(part) != std::string_view::npos; };
    const std::size_t last = consumed_ == 0 ? 0 : consumed_ - 1;  // byte the lexer read last
    const std::size_t start = skip_blanks(text_, end_, true);

    if (says("number overflow")) {
      std::size_t end = start;
      while (end < text_.size() && is_number_character(text_[end])) ++end;
      std::string digits(text_.substr(start, std::min<std::size_t>(end - start, 40)));
      stop(start, fmt::format("the number {} is too large", digits));
      fault.cause = SyntaxFault::Cause::number_too_large;
    } else if (says("invalid comment; missing closing")) {
      stop(skip_blanks(text_, end_, true), "this comment has no end; a closing */ is missing");
    } else if (says("invalid comment")) {
      stop(start, "a single slash; comments start with // or /*");
    } else if (says("invalid string: missing closing quote")) {
      stop(start, "this string has no end; a closing \" is missing");
    } else if (says("invalid string: control character U+000A") ||
               says("invalid string: control character U+000D")) {
      stop(start,
           "this string does not end on its line; a closing \" is missing (a line break inside is \\n)");
    } else if (says("U+0009")) {
      stop(last, "a tab inside a string; write \\t, or spaces");
    } else if (says("invalid string: control character")) {
      stop(last, fmt::format("the control character {0} inside a string; remove it, or write \\u{1:04X}",
                             printable(text_.substr(last, 1)), static_cast<unsigned>(text_[last])));
    } else if (says("ill-formed UTF-8")) {
      // The lexer may notice only at a later byte: go back to where the character starts.
      std::size_t bad = last;
      while (bad > start && last - bad < 3 && (static_cast<unsigned char>(text_[bad]) & 0xC0) != 0xC0) --bad;
      if ((static_cast<unsigned char>(text_[bad]) & 0xC0) != 0xC0) bad = last;
      stop(bad, fmt::format("the byte 0x{:02X} is not UTF-8; save the file as UTF-8",
                            static_cast<unsigned>(static_cast<unsigned char>(text_[bad]))));
    } else if (says("invalid string")) {
      stop(last,
           "a backslash starts an escape here (\\n, \\\", \\u00e9); write \\\\ for a backslash, and / in "
           "paths");
    } else if (says("object key")) {
      explain_key(start, last);
    } else if (says("object separator")) {
      explain_separator();
    } else if (says("while parsing array -") || says("while parsing object -")) {
      explain_after_value();
    } else if (says("; expected end of input")) {
      const std::size_t extra = skip_blanks(text_, end_, false);
      stop(extra,
           fmt::format("found {} after the end of the config; is a {{ missing, or is there a }} too many?",
                       found(extra)));
    } else {
      explain_value(start, last);
    }
  }

 private:
  bool stop(std::size_t offset, std::string message) {
    fault = SyntaxFault{offset, std::move(message), SyntaxFault::Cause::not_json};
    return false;
  }

  /// What stands at `at`, for a message.
  std::string found(std::size_t at) const {
    if (at >= text_.size()) return "the end of the file";
    std::size_t end = at;
    while (end < text_.size() && is_word(text_[end]) && end - at < 40) ++end;
    if (end == at) {
      ++end;
      while (end < text_.size() && (static_cast<unsigned char>(text_[end]) & 0xC0) == 0x80) ++end;
    }
    if (text_[at] == '"') return "a string";
    return fmt::format("\"{}\"", printable(text_.substr(at, end - at)));
  }

  std::string word_at(std::size_t at) const {
    std::size_t end = at;
    while (end < text_.size() && is_word(text_[end])) ++end;
    return std::string(text_.substr(at, end - at));
  }

  bool end_of_file(std::size_t at) {
    if (at < text_.size()) return false;
    if (innermost_ == nullptr) {
      stop(0,
           "the file is empty; expected a JSON object: { \"data\": ..., \"network\": ..., \"training\": ... "
           "}");
    } else {
      const bool object = innermost_->kind == JsonValue::Kind::object;
      stop(text_.size(),
           fmt::format("the file ends inside the {} that starts in line {}; a closing {} is missing",
                       object ? "object" : "array", line_column(text_, innermost_->offset).line,
                       object ? "}" : "]"));
    }
    return true;
  }

  /// Where the comma between the last value and `next` is.
  std::optional<std::size_t> comma_before(std::size_t next) const {
    const std::size_t at = skip_blanks(text_, end_, false);
    return at < next && text_[at] == ',' ? std::optional(at) : std::nullopt;
  }

  /// The number with a decimal comma whose digits behind the comma stand at `start`; "" if there is none.
  std::string decimal_comma(std::size_t start) const {
    if (start < 2 || text_[start - 1] != ',') return "";
    std::size_t begin = start - 1, end = start;
    while (begin > 0 && is_number_character(text_[begin - 1])) --begin;
    while (end < text_.size() && is_number_character(text_[end])) ++end;
    return with_decimal_point(text_.substr(begin, end - begin));
  }

  void explain_key(std::size_t start, std::size_t last) {
    if (const std::string number = decimal_comma(start); !number.empty()) {
      stop(start, fmt::format("numbers have a decimal point, not a comma: write {}", number));
    } else if (text_[last] == '}' || (start < text_.size() && text_[start] == '}')) {
      stop(comma_before(start).value_or(start), "a comma before the closing }; remove it");
    } else if (const auto comma = comma_before(start);
               comma && text_[skip_blanks(text_, *comma + 1, false)] == ',') {
      stop(skip_blanks(text_, *comma + 1, false), "two commas; remove one");
    } else if (end_of_file(start)) {
    } else if (text_[start] == '\'') {
      stop(start, "write keys in double quotes, not in single ones");
    } else if (text_[start] == '#') {
      stop(start, "comments start with //, not with #");
    } else if (const std::string word = word_at(start); !word.empty()) {
      stop(start, fmt::format("keys need double quotes; write \"{}\"", word));
    } else {
      stop(start, fmt::format("found {}, expected a key in double quotes", found(start)));
    }
  }

  void explain_separator() {
    const std::size_t at = skip_blanks(text_, end_, false);
    if (end_of_file(at)) return;
    const std::string key = printable(innermost_->keys.back().name);
    if (text_[at] == '=') {
      stop(at, fmt::format("write a colon instead of = after the key \"{}\"", key));
    } else {
      stop(at, fmt::format("found {}, expected a colon after the key \"{}\"", found(at), key));
    }
  }

  void explain_after_value() {
    const std::size_t at = skip_blanks(text_, end_, false);
    if (end_of_file(at)) return;
    const JsonValue& level = *innermost_;
    const bool object = level.kind == JsonValue::Kind::object;
    const char c = text_[at];
    const char before = end_ > 0 ? text_[end_ - 1] : '\0';
    if (end_ == at && is_word(c) && before == '"') {
      stop(at, fmt::format("found {} right after the end of a string; a \" is missing or superfluous",
                           found(at)));
    } else if (end_ == at && is_word(c) && before == '0' && c >= '0' && c <= '9') {
      stop(end_ - 1, "numbers have no leading zeros");
    } else if (end_ == at && is_word(c)) {
      stop(at, fmt::format("found {} right after a value, expected a comma or the closing {}", found(at),
                           object ? '}' : ']'));
    } else if (c == (object ? ']' : '}')) {
      stop(at, fmt::format("found {}, but the {} that starts in line {} is closed by {}", c,
                           object ? "object" : "array", line_column(text_, level.offset).line,
                           object ? '}' : ']'));
    } else if (c == '#') {
      stop(at, "comments start with //, not with #");
    } else if (c == ';') {
      stop(at, "write a comma instead of the semicolon");
    } else if (c == '"' || c == '{' || c == '[' || c == '-' || (is_word(c) && end_ != at)) {
      stop(end_, "a comma is missing after this value");
    } else {
      stop(at, fmt::format("found {}, expected a comma or the closing {}", found(at), object ? '}' : ']'));
    }
  }

  void explain_value(std::size_t start, std::size_t last) {
    if (innermost_ == nullptr) {
      const std::size_t at = skip_blanks(text_, end_, false);
      if (!end_of_file(at))
        stop(at, fmt::format("found {}, expected a {{: a config is a JSON object", found(at)));
      return;
    }
    const char closing = text_.empty() ? '\0' : text_[std::min(last, text_.size() - 1)];
    if (start == last + 1 || closing == ']' || closing == '}' || closing == ',' || closing == ':') {
      // The parser stopped at punctuation, which skip_blanks() passes over.
      const std::size_t first = skip_blanks(text_, end_, false);
      if (first < text_.size() && text_[first] == ',') {
        const std::size_t next = skip_blanks(text_, first + 1, false);
        if (next < text_.size() && text_[next] == ',') return void(stop(next, "two commas; remove one"));
        if (next < text_.size() && text_[next] == ']')
          return void(stop(first, "a comma before the closing ]; remove it"));
        if (innermost_->items.empty()) return void(stop(first, "a value is missing before this comma"));
      }
      if (first < text_.size() && text_[first] == ':') {
        const std::size_t next = skip_blanks(text_, first + 1, false);
        if (next < text_.size() && text_[next] == ':') return void(stop(next, "two colons; remove one"));
        if (next < text_.size() && (text_[next] == ',' || text_[next] == '}' || text_[next] == ']') &&
            innermost_ != nullptr && !innermost_->keys.empty())
          return void(stop(
              next, fmt::format("the value of \"{}\" is missing", printable(innermost_->keys.back().name))));
      }
    }
    if (end_of_file(start)) return;
    const std::string word = word_at(start);
    std::string lower = word;
    for (char& c : lower)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const char c = text_[start];
    const std::string after_sign = c == '-' ? word_at(start + 1) : "";
    if (!after_sign.empty() && !(after_sign[0] >= '0' && after_sign[0] <= '9')) {
      stop(start, fmt::format("-{} is not a number in JSON", after_sign));
    } else if (lower == "yes" || lower == "on" || lower == "no" || lower == "off") {
      stop(start,
           fmt::format("JSON writes {}, not {}", lower == "yes" || lower == "on" ? "true" : "false", word));
    } else if (lower == "true" || lower == "false") {
      stop(start, fmt::format("JSON writes {}, not {}", lower, word));
    } else if (lower == "none" || lower == "null" || lower == "nil") {
      stop(start, fmt::format("JSON writes null, not {}", word));
    } else if (lower == "nan" || lower == "inf" || lower == "infinity") {
      stop(start, fmt::format("{} is not a number in JSON", word));
    } else if (c == '\'') {
      stop(start, "write strings in double quotes, not in single ones");
    } else if (c == '#') {
      stop(start, "comments start with //, not with #");
    } else if (c == '+' || c == '.' || c == '-' || (c >= '0' && c <= '9')) {
      stop(start,
           "not a number as JSON writes it: 0.5, -3, 1e-4 (no leading + or ., digits after the point)");
    } else if (!word.empty()) {
      stop(start, fmt::format("found {}, expected a value; strings need double quotes", found(start)));
    } else {
      stop(start, fmt::format("found {}, expected a value", found(start)));
    }
  }

  std::string_view text_;
  std::size_t consumed_;
  std::size_t end_;  // of the last token
  const JsonValue* innermost_;
};

}  // namespace

SyntaxFault explain_stop(const ParserStop& stop, std::string_view message) {
  FaultExplanation explanation(stop);
  explanation.explain(own_words(std::string(message)));
  return std::move(explanation.fault);
}

LineColumn line_column(std::string_view text, std::size_t offset) {
  LineColumn at;
  std::size_t i = text.starts_with(kUtf8Mark) && offset >= kUtf8Mark.size() ? kUtf8Mark.size() : 0;
  for (; i < std::min(offset, text.size()); ++i) {
    if (text[i] == '\n') {
      ++at.line;
      at.column = 1;
    } else if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) {
      ++at.column;
    }
  }
  return at;
}

std::size_t skip_blanks(std::string_view text, std::size_t at, bool punctuation) {
  while (at < text.size()) {
    if (is_space(text[at]) || (punctuation && (text[at] == ',' || text[at] == ':'))) {
      ++at;
    } else if (text.substr(at, 2) == "//") {
      at = std::min(text.find('\n', at), text.size());
    } else if (text.substr(at, 2) == "/*" && text.find("*/", at + 2) != std::string_view::npos) {
      at = text.find("*/", at + 2) + 2;
    } else {
      break;
    }
  }
  return at;
}

std::string with_decimal_point(std::string_view text) {
  const std::size_t comma = text.find(',');
  if (comma == text.npos || comma == 0 || comma + 1 == text.size()) return "";
  std::string number(text);
  number[comma] = '.';
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!is_digit(text[comma - 1]) || !is_digit(text[comma + 1]) ||
      !std::ranges::all_of(number, is_number_character) || std::ranges::count(number, '.') != 1)
    return "";
  return number;
}

bool is_number_character(char c) {
  return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

}  // namespace cnn
