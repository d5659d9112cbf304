#include "config/json_value.h"

#include <spdlog/fmt/fmt.h>

#include <nlohmann/json.hpp>

#include "core/text.h"

namespace cnn {
namespace {

constexpr std::size_t kLineWidth = 170;
constexpr std::size_t kEntryWidth = 320;   // of an array: an entry of the network with all its keys is a line
constexpr std::size_t kLongestQuote = 60;  // of a found value in a message

std::string quoted(const std::string& text) {
  // Strings that were read are valid UTF-8; `replace` keeps any other from throwing.
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// Cuts long text between two characters, not inside one.
std::string shortened(std::string text) {
  if (text.size() <= kLongestQuote) return text;
  std::size_t end = kLongestQuote;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

bool is_container(const JsonValue& value) {
  return value.kind == JsonValue::Kind::array || value.kind == JsonValue::Kind::object;
}

void print(const JsonValue& value, std::size_t indent, std::size_t used, std::size_t width,
           std::string& out) {
  const std::string line = to_line(value);
  // The outermost levels are spread out even when they are short: a config reads like a config.
  const bool spread = indent == 0 && is_container(value) && !value.items.empty();
  if (!spread && (!is_container(value) || value.items.empty() || used + line.size() + 1 <= width)) {
    out += line;
    return;
  }
  const bool object = value.kind == JsonValue::Kind::object;
  out += object ? "{\n" : "[\n";
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    std::string start(indent + 2, ' ');
    if (object) start += quoted(value.keys[i].name) + ": ";
    out += start;
    print(value.items[i], indent + 2, start.size(), object ? kLineWidth : kEntryWidth, out);
    out += i + 1 < value.items.size() ? ",\n" : "\n";
  }
  out.append(indent, ' ');
  out += object ? '}' : ']';
}

}  // namespace

JsonValue::JsonValue(double value) : kind(Kind::number), number(value), text(exact(value)) {}

JsonValue JsonValue::array(std::vector<JsonValue> items) {
  JsonValue value;
  value.kind = Kind::array;
  value.items = std::move(items);
  return value;
}

JsonValue JsonValue::object() {
  JsonValue value;
  value.kind = Kind::object;
  return value;
}

const JsonValue* JsonValue::find(std::string_view key) const {
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (keys[i].name == key) return &items[i];
  return nullptr;
}

JsonValue* JsonValue::find(std::string_view key) {
  return const_cast<JsonValue*>(static_cast<const JsonValue*>(this)->find(key));
}

JsonValue& JsonValue::set(std::string_view key, JsonValue value) {
  if (JsonValue* old = find(key)) {
    *old = std::move(value);
  } else {
    keys.push_back({std::string(key), value.offset});
    items.push_back(std::move(value));
  }
  return *this;
}

std::string to_text(const JsonValue& value) {
  std::string out;
  print(value, 0, 0, kLineWidth, out);
  return out + "\n";
}

std::string to_line(const JsonValue& value) {
  switch (value.kind) {
    case JsonValue::Kind::null:
      return "null";
    case JsonValue::Kind::boolean:
      return value.boolean ? "true" : "false";
    case JsonValue::Kind::number:
      return value.text;
    case JsonValue::Kind::string:
      return quoted(value.text);
    case JsonValue::Kind::array:
    case JsonValue::Kind::object:
      break;
  }
  const bool object = value.kind == JsonValue::Kind::object;
  std::string out(1, object ? '{' : '[');
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    if (i > 0) out += ", ";
    if (object) out += quoted(value.keys[i].name) + ": ";
    out += to_line(value.items[i]);
  }
  return out + (object ? '}' : ']');
}

std::string describe(const JsonValue& value) {
  const auto counted = [&](const char* kind, const char* unit) {
    const std::size_t n = value.items.size();
    return n == 0 ? fmt::format("an empty {}", kind)
                  : fmt::format("an {} of {} {}{}", kind, n, unit, n == 1 ? "" : "s");
  };
  switch (value.kind) {
    case JsonValue::Kind::null:
      return "null";
    case JsonValue::Kind::boolean:
      return value.boolean ? "true" : "false";
    case JsonValue::Kind::number:
      return shortened(value.text);
    case JsonValue::Kind::string:
      return fmt::format("the string \"{}\"", shortened(printable(value.text)));
    case JsonValue::Kind::array:
      return counted("array", "value");
    case JsonValue::Kind::object:
      return counted("object", "key");
  }
  return "";
}

std::string operator/(const std::string& pointer, std::string_view key) {
  std::string out = pointer + "/";
  for (char c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace cnn
