#include "config/table.h"

namespace cnn {

bool check_keys(const Place& place, const std::string& what, const std::vector<std::string>& allowed,
                const std::vector<RefusedKey>& refused,
                const std::function<std::string(const std::string&)>& hint) {
  bool good = true;
  for (const JsonValue::Key& key : place.value().keys) {
    if (std::find(allowed.begin(), allowed.end(), key.name) != allowed.end()) continue;
    const auto reason =
        std::find_if(refused.begin(), refused.end(), [&](const RefusedKey& r) { return r.key == key.name; });
    if (reason != refused.end()) {
      good = place.error_at_key(key.name, reason->why);
      continue;
    }
    std::string why = hint ? hint(key.name) : "";
    if (why.empty()) why = suggestion(key.name, allowed);
    good = place.error_at_key(key.name,
                              fmt::format("unknown key{}; {} takes {}", why, what, quoted_list(allowed)));
  }
  return good;
}

JsonValue schema_of(const ObjectDescription& object) {
  JsonValue properties = JsonValue::object();
  JsonValue required = JsonValue::array();
  if (!object.type.empty()) {
    properties.set("type", JsonValue::object().set("const", object.type));
    required.items.push_back("type");
  }
  for (const KeyDescription& key : object.keys) {
    JsonValue schema = JsonValue::object().set("description", key.doc);
    if (key.default_value) schema.set("default", *key.default_value);
    for (std::size_t i = 0; i < key.schema.items.size(); ++i)
      schema.set(key.schema.keys[i].name, key.schema.items[i]);
    properties.set(key.key, std::move(schema));
    if (key.required) required.items.push_back(key.key);
  }
  JsonValue schema = JsonValue::object();
  if (!object.type.empty()) schema.set("title", object.type);
  schema.set("description", object.doc).set("type", "object").set("properties", std::move(properties));
  if (!required.items.empty()) schema.set("required", std::move(required));
  return schema.set("additionalProperties", false);
}

}  // namespace cnn
