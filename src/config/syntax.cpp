#include "config/syntax.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <vector>

#include "core/text.h"

namespace cnn {
namespace {

/// Hands out the bytes of a text and counts them: the only way to learn how far nlohmann's lexer has read.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, const char* start, std::size_t* count)
      : at_(at), start_(start), count_(count) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    ++at_;
    *count_ = static_cast<std::size_t>(at_ - start_);
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator old = *this;
    ++*this;
    return old;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
  bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  const char* start_;
  std::size_t* count_;
};

/// Builds the tree out of the parser's events.
class Builder {
 public:
  Builder(std::string_view text, const std::size_t* consumed) : text_(text), consumed_(consumed) {
    if (text_.starts_with(kUtf8Mark)) end_ = kUtf8Mark.size();
  }

  JsonValue root;
  std::optional<SyntaxFault> fault;

  // nlohmann's SAX interface.
  bool null() { return add(JsonValue(), token_start()); }
  bool boolean(bool value) { return add(JsonValue(value), token_start()); }
  bool number_integer(std::int64_t value) { return number(static_cast<double>(value)); }
  bool number_unsigned(std::uint64_t value) { return number(static_cast<double>(value)); }
  bool number_float(double value, const std::string&) { return number(value); }
  bool string(std::string& value) { return add(JsonValue(std::move(value)), token_start()); }
  bool binary(nlohmann::json::binary_t&) { return false; }  // does not occur in text
  bool start_object(std::size_t) { return open(JsonValue::object()); }
  bool start_array(std::size_t) { return open(JsonValue::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string& name) {
    const std::size_t start = token_start();
    Level& level = open_.back();
    if (!level.names.insert(name).second) {
      const auto& keys = level.value.keys;
      const auto first =
          std::find_if(keys.begin(), keys.end(), [&](const auto& k) { return k.name == name; });
      return stop(start,
                  fmt::format("the key \"{}\" appears twice in this object (first in line {}); remove one",
                              printable(name), line_column(text_, first->offset).line));
    }
    level.value.keys.push_back({name, start});
    end_ = *consumed_;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& error) {
    const JsonValue* innermost = open_.empty() ? nullptr : &open_.back().value;
    fault = explain_stop({text_, *consumed_, end_, innermost}, error.what());
    return false;
  }

 private:
  struct Level {
    JsonValue value;
    std::set<std::string> names;
  };

  bool stop(std::size_t offset, std::string message) {
    fault = SyntaxFault{offset, std::move(message), SyntaxFault::Cause::not_json};
    return false;
  }

  std::size_t token_start() const { return skip_blanks(text_, end_, true); }

  bool number(double value) {
    const std::size_t start = token_start();
    std::size_t end = start;
    while (end < text_.size() && is_number_character(text_[end])) ++end;
    // A zero ends at once: in 08 the lexer reads a 0, and the 8 is the next token.
    const std::size_t first = start + (text_[start] == '-' ? 1 : 0);
    if (text_[first] == '0' && first + 1 < end && text_[first + 1] >= '0' && text_[first + 1] <= '9')
      end = first + 1;
    JsonValue number(value);
    number.text = text_.substr(start, end - start);
    if (!add(std::move(number), start)) return false;
    end_ = end;  // the lexer has read one byte more
    return true;
  }

  bool add(JsonValue value, std::size_t start) {
    value.offset = start;
    end_ = *consumed_;
    if (open_.empty()) {
      root = std::move(value);
    } else {
      open_.back().value.items.push_back(std::move(value));
    }
    return true;
  }

  bool open(JsonValue value) {
    value.offset = token_start();
    if (open_.size() >= kDeepestNesting)
      return stop(value.offset,
                  fmt::format("more than {} objects and arrays inside each other", kDeepestNesting));
    end_ = *consumed_;
    open_.push_back({std::move(value), {}});
    return true;
  }

  bool close() {
    JsonValue value = std::move(open_.back().value);
    open_.pop_back();
    const std::size_t start = value.offset;
    return add(std::move(value), start);
  }

  std::string_view text_;
  const std::size_t* consumed_;
  std::size_t end_ = 0;  // of the last token
  std::vector<Level> open_;
};

}  // namespace

std::variant<JsonValue, SyntaxFault> parse_json(std::string_view text) {
  // The lexer takes a NUL byte for the end of its input and would ignore the rest.
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF"))
    return SyntaxFault{0, "this file is UTF-16; save it as UTF-8", {}};
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos)
    return SyntaxFault{nul, "a NUL byte; this is not a JSON text", {}};
  std::size_t consumed = 0;
  Builder builder(text, &consumed);
  const CountingIterator begin(text.data(), text.data(), &consumed);
  const CountingIterator end(text.data() + text.size(), text.data(), &consumed);
  const bool done =
      nlohmann::json::sax_parse(begin, end, &builder, nlohmann::json::input_format_t::json, true, true);
  if (!done && !builder.fault) builder.fault = SyntaxFault{consumed, "not a JSON text", {}};
  if (builder.fault) return *std::move(builder.fault);
  return std::move(builder.root);
}

}  // namespace cnn
