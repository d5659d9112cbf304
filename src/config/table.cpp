#include "config/table.h"

#include "config/data_table.h"
#include "config/training_table.h"

namespace cnn {
namespace {

/// Flat configs are a common mistake: which object has such a key?
std::string where_it_belongs(const std::string& key) {
  std::vector<std::string> places;
  const auto look_at = [&](const char* name, const ObjectDescription& object) {
    for (const KeyDescription& other : object.keys)
      if (other.key == key && std::find(places.begin(), places.end(), name) == places.end())
        places.push_back(name);
  };
  look_at("data", data_kind()->description());
  look_at("data.image", image_kind()->description());
  look_at("training", training_kind()->description());
  for (const ObjectDescription& optimizer : optimizer_kind().descriptions())
    look_at("training.optimizer", optimizer);
  for (const ObjectDescription& schedule : schedule_kind().descriptions())
    look_at("training.schedule", schedule);
  return places.empty() ? "" : fmt::format(": it belongs in {}", join(places, " or "));
}

}  // namespace

bool check_keys(const Place& place, const std::string& what, const std::vector<std::string>& allowed,
                const std::vector<RefusedKey>& refused,
                const std::function<std::string(const std::string&)>& hint) {
  bool good = true;
  for (const JsonValue::Key& key : place.value().keys) {
    if (std::find(allowed.begin(), allowed.end(), key.name) != allowed.end()) continue;
    const auto reason =
        std::find_if(refused.begin(), refused.end(), [&](const RefusedKey& r) { return r.key == key.name; });
    if (reason != refused.end()) {
      if (!reason->instead.empty()) place.reading().add_proposal(place.pointer() / reason->instead);
      good = place.error_at_key(key.name, reason->why);
      continue;
    }
    const std::string proposal = suggested(key.name, allowed);
    std::string why;
    if (!proposal.empty()) {
      place.reading().add_proposal(place.pointer() / proposal);
      why = fmt::format(" (did you mean \"{}\"?)", proposal);
    } else if (hint) {
      why = hint(key.name);
    }
    if (why.empty()) why = where_it_belongs(key.name);
    std::vector<std::string> told = allowed;
    std::erase(told, "$schema");  // no user looks for it
    const std::string takes = told.empty() ? "no keys" : quoted_list(told);
    good = place.error_at_key(key.name, fmt::format("unknown key{}; {} takes {}", why, what, takes));
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
