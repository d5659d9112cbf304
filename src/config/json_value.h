#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cnn {

/// A JSON value that remembers where it was written, so that an error can point at it. Members of an object
/// keep their order. Also what the writers of JSON output build.
struct JsonValue {
  enum class Kind { null, boolean, number, string, array, object };
  struct Key {
    std::string name;
    std::size_t offset = 0;  ///< byte offset in the file
  };
  static constexpr int kFromFile = -1;

  Kind kind = Kind::null;
  bool boolean = false;
  double number = 0;
  std::string text;                ///< of a string; of a number: the number as it was written
  std::vector<JsonValue> items;    ///< of an array, or the values of an object's members
  std::vector<Key> keys;           ///< of an object, one per item
  std::size_t offset = 0;          ///< byte offset in the file
  int override_index = kFromFile;  ///< which --set the value comes from

  JsonValue() = default;
  JsonValue(bool value) : kind(Kind::boolean), boolean(value) {}
  JsonValue(double value);
  template <std::integral Integer>
  requires(!std::same_as<Integer, bool>) JsonValue(Integer value)
      : kind(Kind::number), number(static_cast<double>(value)), text(std::to_string(value)) {}
  JsonValue(std::string value) : kind(Kind::string), text(std::move(value)) {}
  JsonValue(std::string_view value) : JsonValue(std::string(value)) {}
  JsonValue(const char* value) : JsonValue(std::string(value)) {}
  static JsonValue array(std::vector<JsonValue> items = {});
  static JsonValue object();

  /// The member, or nullptr (also when this is not an object).
  const JsonValue* find(std::string_view key) const;
  JsonValue* find(std::string_view key);
  /// Appends a member to an object, or replaces its value. Returns *this.
  JsonValue& set(std::string_view key, JsonValue value);
};

/// Pretty printed, with a line feed at the end. What fits on a line stays on one line.
std::string to_text(const JsonValue& value);

/// Everything on one line, no line feed.
std::string to_line(const JsonValue& value);

/// For messages: `the string "5"`, `3.5`, `an array of 3 values`.
std::string describe(const JsonValue& value);

/// The JSON pointer of a member: /network/3 and kernel_size give /network/3/kernel_size (RFC 6901).
std::string operator/(const std::string& pointer, std::string_view key);

}  // namespace cnn
