#include <algorithm>

#include "config/augment_table.h"
#include "config/config.h"
#include "config/config_table.h"
#include "config/data_table.h"
#include "config/fine_tuning_table.h"
#include "config/network_table.h"
#include "config/training_table.h"
#include "core/error.h"
#include "core/text.h"

namespace cnn {
namespace {

JsonValue definition(const char* name) {
  return JsonValue::object().set("$ref", fmt::format("#/$defs/{}", name));
}

std::string code(const std::string& text) { return "`" + text + "`"; }

/// A cell of a table must not end early.
std::string cell(std::string text) {
  for (std::size_t i = text.find('|'); i != std::string::npos; i = text.find('|', i + 2))
    text.insert(i, 1, '\\');
  return text;
}

std::string default_of(const KeyDescription& key) {
  if (key.required) return "required";
  if (!key.default_words.empty()) return key.default_words;
  if (key.default_value->kind == JsonValue::Kind::null) return "none";
  return code(to_line(*key.default_value));
}

/// The key's name, what it may be, and what it is without it: the first three columns of a table.
std::string first_columns(const KeyDescription& key) {
  return fmt::format("| `{}` | {} | {} |", key.key, cell(key.words), cell(default_of(key)));
}

std::string row(const KeyDescription& key) {
  return fmt::format("{} {} |\n", first_columns(key), cell(key.doc));
}

void add_table(std::string& out, const std::vector<KeyDescription>& keys) {
  if (keys.empty()) return;
  out += "| key | value | default | meaning |\n|---|---|---|---|\n";
  for (const KeyDescription& key : keys) out += row(key);
  out += "\n";
}

void add_object(std::string& out, const std::string& title, const ObjectDescription& object) {
  out += fmt::format("### {}\n\n{}\n\n", title, object.doc);
  add_table(out, object.keys);
}

/// A key that several types have, and which.
struct SharedKey {
  KeyDescription key;
  std::vector<std::string> types;
};

std::vector<SharedKey> shared_keys(const std::vector<ObjectDescription>& objects,
                                   const std::vector<std::string>& names) {
  std::vector<SharedKey> shared;
  for (const std::string& name : names) {
    SharedKey& found = shared.emplace_back();
    for (const ObjectDescription& object : objects) {
      for (const KeyDescription& key : object.keys) {
        if (key.key != name) continue;
        if (found.types.empty()) found.key = key;
        CNN_CHECK(row(key) == row(found.key), "{} of {} is not what it is of {}", name, object.type,
                  found.types.front());
        found.types.push_back(code(object.type));
      }
    }
  }
  return shared;
}

/// The table of the shared keys, before those of the types. `section`: "network".
void add_shared(std::string& out, const std::string& section, const std::vector<SharedKey>& shared,
                std::size_t types) {
  if (shared.empty()) return;
  out += fmt::format("#### Shared keys of `{}`\n\n", section);
  out += "| key | value | default | in | meaning |\n|---|---|---|---|---|\n";
  for (const SharedKey& entry : shared)
    out += fmt::format("{} {} | {} |\n", first_columns(entry.key),
                       entry.types.size() == types ? "all" : join(entry.types), cell(entry.key.doc));
  out += "\n";
}

/// The line that ends the description of a type: which of the shared keys it has, but for those of all types.
void refer_to_shared(std::string& out, const std::string& section, const std::string& anchor,
                     const std::vector<std::string>& keys) {
  if (!keys.empty())
    out += fmt::format("Also {}: see the [shared keys of `{}`](#{}).\n\n", join(keys), section, anchor);
}

/// Objects that are told apart by `type`. `names`: keys that mean the same in several of them, told once.
void add_types(std::string& out, const std::string& section, const std::string& doc,
               const std::vector<ObjectDescription>& objects, const std::vector<std::string>& names) {
  std::string anchor = "shared-keys-of-" + section;
  std::erase(anchor, '.');
  const std::vector<SharedKey> shared = shared_keys(objects, names);
  out += fmt::format("### `{}`\n\n{}\n\n", section, doc);
  add_shared(out, section, shared, objects.size());
  for (const ObjectDescription& object : objects) {
    std::vector<KeyDescription> own = object.keys;
    std::vector<std::string> others;
    for (const SharedKey& entry : shared) {
      const auto same = [&](const KeyDescription& key) { return key.key == entry.key.key; };
      if (std::erase_if(own, same) > 0 && entry.types.size() < objects.size())
        others.push_back(code(entry.key.key));
    }
    out += fmt::format("#### `{}`\n\n{}\n\n", object.type, object.doc);
    add_table(out, own);
    refer_to_shared(out, section, anchor, others);
  }
}

}  // namespace

std::string json_schema() {
  JsonValue schema = JsonValue::object()
                         .set("$schema", "https://json-schema.org/draft/2020-12/schema")
                         .set("title", "cnn-train config");
  const JsonValue config = config_kind()->schema();
  for (std::size_t i = 0; i < config.items.size(); ++i) schema.set(config.keys[i].name, config.items[i]);

  // Which form a location has depends on the format.
  JsonValue rules = JsonValue::array();
  for (const LocationSchema& location : location_schemas()) {
    const JsonValue format = JsonValue::object().set("const", location.format);
    const JsonValue condition = JsonValue::object()
                                    .set("properties", JsonValue::object().set("format", format))
                                    .set("required", JsonValue::array({JsonValue("format")}));
    const JsonValue form =
        JsonValue::object().set("properties", JsonValue::object().set("train", location.schema));
    rules.items.push_back(JsonValue::object().set("if", condition).set("then", form));
  }
  schema.find("properties")->find("data")->set("allOf", std::move(rules));

  JsonValue layers = JsonValue::array();
  JsonValue definitions = JsonValue::object();
  for (const ObjectDescription& layer : layer_kind().descriptions()) {
    layers.items.push_back(definition(layer.type.c_str()));
    definitions.set(layer.type, schema_of(layer));
  }
  definitions.set("layer", JsonValue::object().set("oneOf", std::move(layers)));
  schema.set("$defs", std::move(definitions));
  return to_text(schema);
}

std::string markdown_reference() {
  std::string out;
  add_object(out, "The config", config_kind()->description());
  add_object(out, "`data`", data_kind()->description());
  add_object(out, "`data.image`", image_kind()->description());
  add_object(out, "`data.limits`", limits_kind()->description());
  add_types(out, "data.augment", "An array of these, told apart by `type`.", augment_kind().descriptions(),
            {"border"});
  add_types(out, "network",
            "An array of these, told apart by `type`. The last entry yields one value per class; softmax is "
            "part of the loss.",
            layer_kind().descriptions(),
            {"name", "activation", "trainable", "learning_rate_scale", "weight_decay_scale"});
  add_object(out, "`training`", training_kind()->description());
  add_types(out, "training.optimizer", "One of these, told apart by `type`.", optimizer_kind().descriptions(),
            {"learning_rate", "decay_norm_and_bias"});
  add_types(out, "training.schedule",
            "One of these, told apart by `type`. The learning rate advances every step.",
            schedule_kind().descriptions(), {"warmup_epochs"});
  add_object(out, "`training.weight_averaging`", weight_averaging_kind().description());
  add_object(out, "`training.lookahead`", lookahead_kind().description());
  add_object(out, "`training.initial_weights`", initial_weights_object().description());
  add_object(out, "`training.freeze`", freeze_object().description());
  add_object(out, "`training.freeze.unfreeze`", unfreeze_object().description());
  add_object(out, "`training.early_stopping`", early_stopping_kind().description());
  add_object(out, "`training.filter`", data_filter_kind().description());
  out.pop_back();  // one line feed at the end
  return out;
}

}  // namespace cnn
