#include "config/config_changes.h"

#include <algorithm>

#include "config/config_table.h"

namespace cnn {
namespace {

/// What the tables say about a key of an object that may be one of `kinds`; nullptr: nothing.
const KeyDescription* description_of(const std::vector<ObjectDescription>& kinds, const JsonValue& object,
                                     const std::string& key) {
  const JsonValue* type = object.find("type");
  for (const ObjectDescription& kind : kinds) {
    if (!kind.type.empty() && (!type || type->text != kind.type)) continue;
    const auto found = std::ranges::find(kind.keys, key, &KeyDescription::key);
    if (found != kind.keys.end()) return &*found;
  }
  return nullptr;
}

std::string shortened(const JsonValue* value) {
  if (!value) return "nothing";
  const std::string line = to_line(*value);
  return line.size() <= 60 ? line : line.substr(0, 57) + "...";
}

/// Walks through two configs and the tables that describe them.
class Comparison {
 public:
  std::vector<ConfigChange> found;

  /// `kind`: of both values, null where nobody describes their keys; `effect` of a change, unless a table
  /// says otherwise about what is below.
  void compare(const std::string& key, const Described* kind, ResumeEffect effect, const JsonValue* before,
               const JsonValue* now) {
    const auto both = [&](JsonValue::Kind json) {
      return before && now && before->kind == json && now->kind == json;
    };
    if (both(JsonValue::Kind::object)) {
      compare_keys(key, kind, effect, *before, *now);
    } else if (both(JsonValue::Kind::array) && before->items.size() == now->items.size()) {
      for (std::size_t i = 0; i < now->items.size(); ++i)
        compare(below(key, std::to_string(i)), kind, effect, &before->items[i], &now->items[i]);
    } else if (!before || !now || to_line(*before) != to_line(*now)) {
      found.push_back({key, shortened(before), shortened(now), effect});
    }
  }

 private:
  static std::string below(const std::string& key, const std::string& step) {
    return key.empty() ? step : key + "." + step;
  }

  void compare_keys(const std::string& key, const Described* kind, ResumeEffect effect,
                    const JsonValue& before, const JsonValue& now) {
    std::vector<std::string> names;
    for (const JsonValue::Key& k : before.keys) names.push_back(k.name);
    for (const JsonValue::Key& k : now.keys)
      if (!before.find(k.name)) names.push_back(k.name);
    const std::vector<ObjectDescription> kinds =
        kind ? kind->descriptions() : std::vector<ObjectDescription>{};
    for (const std::string& name : names) {
      const JsonValue *was = before.find(name), *is = now.find(name);
      const KeyDescription* description = description_of(kinds, now, name);
      if (!description) description = description_of(kinds, before, name);
      ResumeRule rule = description ? description->on_resume : nullptr;
      if (name == "type" && !kinds.empty()) rule = kinds.front().type_on_resume;
      compare(below(key, name), description ? description->kind.get() : nullptr,
              rule ? rule(was, is) : effect, was, is);
    }
  }
};

}  // namespace

std::vector<ConfigChange> changes(const Config& before, const Config& now) {
  const JsonValue a = config_kind()->write(before, ConfigUse::run),
                  b = config_kind()->write(now, ConfigUse::run);
  Comparison comparison;
  comparison.compare("", config_kind().get(), ResumeEffect::impossible, &a, &b);
  return comparison.found;
}

}  // namespace cnn
