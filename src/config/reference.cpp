#include "config/augment_table.h"
#include "config/config.h"
#include "config/config_table.h"
#include "config/data_table.h"
#include "config/network_table.h"
#include "config/training_table.h"

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

void add_table(std::string& out, const ObjectDescription& object) {
  if (object.keys.empty()) return;
  out += "| key | value | default | meaning |\n|---|---|---|---|\n";
  for (const KeyDescription& key : object.keys)
    out += fmt::format("| `{}` | {} | {} | {} |\n", key.key, cell(key.words), cell(default_of(key)),
                       cell(key.doc));
  out += "\n";
}

void add_object(std::string& out, const std::string& title, const ObjectDescription& object) {
  out += fmt::format("### {}\n\n{}\n\n", title, object.doc);
  add_table(out, object);
}

/// `common`: a key that every entry has, told once.
void add_types(std::string& out, const std::string& title, const std::string& doc,
               std::vector<ObjectDescription> objects, const std::string& common = "") {
  out += fmt::format("### {}\n\n{}\n\n", title, doc);
  for (ObjectDescription& object : objects) {
    std::erase_if(object.keys, [&](const KeyDescription& key) { return key.key == common; });
    out += fmt::format("#### `{}`\n\n{}\n\n", object.type, object.doc);
    add_table(out, object);
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
  add_types(out, "`data.augment`", "An array of these, told apart by `type`.", augment_kind().descriptions());
  add_types(out, "`network`",
            "An array of these, told apart by `type`. Each may have a `name`, unique and without dots; "
            "without one it "
            "is called by its type and a running number per type, counted depth first: `conv1`, `conv2`, "
            "`max_pool1`. "
            "The last entry yields one value per class; softmax is part of the loss.",
            layer_kind().descriptions(), "name");
  add_object(out, "`training`", training_kind()->description());
  add_types(out, "`training.optimizer`", "One of these, told apart by `type`.",
            optimizer_kind().descriptions());
  add_types(out, "`training.schedule`",
            "One of these, told apart by `type`. The learning rate advances every step.",
            schedule_kind().descriptions());
  add_object(out, "`training.weight_averaging`", weight_averaging_kind().description());
  add_object(out, "`training.lookahead`", lookahead_kind().description());
  add_object(out, "`training.early_stopping`", early_stopping_kind().description());
  add_object(out, "`training.filter`", data_filter_kind().description());
  out.pop_back();  // one line feed at the end
  return out;
}

}  // namespace cnn
