#include "config/brief.h"

namespace cnn {
namespace {

bool is_default(const KeyDescription& key, const std::string& value, const JsonValue& object) {
  if (key.default_value) return value == to_line(*key.default_value);
  // "`kernel_size`": the value of another key.
  const std::string& words = key.default_words;
  if (words.size() < 3 || words.front() != '`' || words.back() != '`') return false;
  const JsonValue* other = object.find(words.substr(1, words.size() - 2));
  return other && value == to_line(*other);
}

}  // namespace

JsonValue brief(const JsonValue& object, const ObjectDescription& description) {
  JsonValue result = JsonValue::object();
  if (!description.type.empty()) result.set("type", description.type);
  for (const KeyDescription& key : description.keys)
    if (const JsonValue* value = object.find(key.key); value && !is_default(key, to_line(*value), object))
      result.set(key.key, *value);
  return result;
}

}  // namespace cnn
