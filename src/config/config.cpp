#include "config/config.h"

#include "config/config_table.h"
#include "config/data_table.h"
#include "config/network_table.h"
#include "config/training_table.h"
#include "core/error.h"
#include "train/freeze.h"

namespace cnn {
namespace {

/// names: of all entries of the network.
bool check_fine_tuning(const Place& training, const Config& config, const std::vector<std::string>& names) {
  bool good = true;
  const auto check_name = [&](const Place& place, const std::string& name) {
    if (std::find(names.begin(), names.end(), name) != names.end()) return;
    good = place.error(fmt::format("no layer is called \"{}\"{}; there are {}", name, suggestion(name, names),
                                   quoted_list(names)));
  };
  if (const auto& start = config.training.initial_weights) {
    const Place place = training.member("initial_weights");
    for (std::size_t i = 0; i < start->except.size(); ++i)
      check_name(place.member("except").element(i), start->except[i]);
    for (const auto& [entry, prefix] : start->names.by_entry) check_name(place.member("names"), entry);
  }
  if (const auto& freeze = config.training.freeze) {
    const Place place = training.member("freeze");
    if (!freeze->until.empty()) check_name(place, freeze->until);
    if (good && last_frozen_entry(config.network, *freeze) < 0)
      good =
          place.error(freeze->until.empty()
                          ? std::string("there is nothing before the last entry that has weights")
                          : fmt::format("{} is inside a residual; give the residual's name", freeze->until));
  }
  return good;
}

bool check_config(const Place& place, Config& config) {
  std::vector<std::string> names;
  if (!name_layers(place.member("network"), config.network, names)) return false;
  bool good = true;
  if (auto& filter = config.training.filter) {
    std::vector<std::string> proxy_names;
    good = name_layers(place.member("training").member("filter").member("proxy"), filter->proxy, proxy_names);
  }
  // A config inside a model does not say where the validation images are.
  if (config.training.early_stopping && std::holds_alternative<std::monostate>(config.data.validation) &&
      place.reading().use() == ConfigUse::run)
    good = place.member("training")
               .error_at_key("early_stopping",
                             "needs validation images to see when to stop; add \"validation\": "
                             "{\"fraction\": 0.1} to data");
  return check_fine_tuning(place.member("training"), config, names) && good;
}

/// For editors: names the schema that the file follows. Nothing else depends on it.
Field<Config> schema_key() {
  Field<Config> field;
  field.key = "$schema";
  field.doc = "Where the JSON Schema is, for editors; the program ignores it.";
  field.default_words = "none";
  field.in_model = false;
  field.on_resume(ResumeEffect::none);
  field.read = [](const Place& place, Config&) {
    return place.value().kind == JsonValue::Kind::string ||
           place.expected("the path of a JSON Schema (a string)");
  };
  field.write = [](const Config&, ConfigUse) { return std::optional<JsonValue>(); };
  field.schema = [] { return JsonValue::object().set("type", "string"); };
  field.words = [] { return "a string"; };
  return field;
}

Config read(const Document& document, ConfigUse use) {
  Reading reading(document, use);
  Config config;
  const Place root(reading, document.root(), "");
  if (config_kind()->read(root, config) && !root.has("name"))
    config.name = std::filesystem::path(document.label()).stem().string();
  reading.finish();
  return config;
}

std::string write(const Config& config, ConfigUse use) { return to_text(config_kind()->write(config, use)); }

}  // namespace

std::shared_ptr<const Object<Config>> config_kind() {
  static const auto kind = [] {
    Table<Config> table{
        "",
        "A network, the images it learns from, and how it is trained.",
        {schema_key(),
         optional_key("name", &Config::name, run_name(), "Name of the run; its folder is `runs/<name>-<n>`.")
             .on_resume(ResumeEffect::none)
             .defaults_to("the file's name"),
         optional_key("seed", &Config::seed, seed_number(),
                      "Seed of all random numbers; the same seed gives the same result.")
             .on_resume(ResumeEffect::impossible),
         object_key("data", &Config::data, data_kind(), "The images."),
         required_key("network", &Config::network, chain_kind(),
                      "The entries of the network, from input to output.")
             .on_resume(ResumeEffect::impossible),
         object_key("training", &Config::training, training_kind(), "How the network is trained.")}};
    table.check = check_config;
    return std::make_shared<const Object<Config>>("the config", std::move(table));
  }();
  return kind;
}

Config read_config(const Document& document) { return read(document, ConfigUse::run); }

Config read_config(const std::filesystem::path& path, std::span<const std::string> overrides) {
  return read_config(Document::read(path, overrides));
}

std::string resolved_json(const Config& config) { return write(config, ConfigUse::run); }

std::string model_config_json(const Config& config) { return write(config, ConfigUse::model); }

Config read_model_config(const std::string& text, const std::string& label) {
  try {
    return read(Document::parse(text, label), ConfigUse::model);
  } catch (const Error& error) {  // the file is at fault, not the user's command
    throw Error(ExitCode::run_failed,
                fmt::format("the config inside the model is damaged:\n{}", error.what()));
  }
}

}  // namespace cnn
