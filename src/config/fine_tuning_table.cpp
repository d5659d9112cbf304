#include "config/fine_tuning_table.h"

namespace cnn {
namespace {

using JsonKind = JsonValue::Kind;

constexpr std::string_view kUntil = "until ";

JsonValue any_of(std::vector<JsonValue> schemas) {
  return JsonValue::object().set("anyOf", JsonValue::array(std::move(schemas)));
}
JsonValue some_text() { return JsonValue::object().set("type", "string").set("minLength", 1); }

/// "torchvision", or by entry.
class Names : public Kind<ForeignNames> {
 public:
  bool read(const Place& place, ForeignNames& out) const override {
    const JsonValue& value = place.value();
    out = {};
    if (value.kind == JsonKind::string) {
      if (value.text == "torchvision") return out.torchvision = true, true;
      return place.expected(words() + suggestion(value.text, std::vector<std::string>{"torchvision"}));
    }
    if (value.kind != JsonKind::object || value.items.empty()) return place.expected(words());
    bool good = true;
    for (const JsonValue::Key& key : value.keys) {
      auto& [entry, prefix] = out.by_entry.emplace_back(key.name, "");
      const Place of_entry = place.member(key.name);
      if (of_entry.value().kind == JsonKind::string && !of_entry.value().text.empty())
        prefix = of_entry.value().text;
      else
        good = of_entry.expected("what the names of its tensors begin with, such as \"layer1.0\" (a string)");
    }
    return good;
  }
  JsonValue write(const ForeignNames& names) const override {
    if (names.torchvision) return "torchvision";
    JsonValue out = JsonValue::object();
    for (const auto& [entry, prefix] : names.by_entry) out.set(entry, prefix);
    return out;
  }
  JsonValue schema() const override {
    return any_of({JsonValue::object().set("enum", JsonValue::array({JsonValue("torchvision")})),
                   JsonValue::object()
                       .set("type", "object")
                       .set("minProperties", 1)
                       .set("additionalProperties", some_text())});
  }
  std::string words() const override { return "\"torchvision\" or {\"<entry>\": \"<prefix>\", ...}"; }
};

/// None is not written.
Field<InitialWeightsSpec> names_key() {
  using S = InitialWeightsSpec;
  Field<S> field = optional_key("names", &S::names, KindOf<ForeignNames>(std::make_shared<Names>()),
                                "Where the file has other names: `\"torchvision\"` (timm's are the same) "
                                "takes its layers in their order; "
                                "`{\"conv1\": \"stem.conv\", \"residual1\": \"layer1.0\"}` says what the "
                                "names of an entry's tensors begin "
                                "with, and takes those of a residual in their order.");
  field.default_words = "as in the network";
  field.write = [](const S& spec, ConfigUse) {
    return spec.names.none() ? std::optional<JsonValue>() : Names().write(spec.names);
  };
  return field;
}

/// An object, or a text that stands for it.
template <class S>
class Short : public Kind<S> {
 public:
  bool read(const Place& place, S& out) const override {
    if (place.value().kind == JsonKind::string) return out = S(), read_text(place, out);
    if (place.value().kind != JsonKind::object) return place.expected(this->words());
    return object().read(place, out);
  }
  JsonValue write(const S& value) const override { return object().write(value); }
  JsonValue schema() const override { return any_of({some_text(), object().schema()}); }

 private:
  virtual bool read_text(const Place& place, S& out) const = 0;
  virtual const Object<S>& object() const = 0;
};

class InitialWeights final : public Short<InitialWeightsSpec> {
 public:
  std::string words() const override {
    return "the path of a .safetensors file (a string) or {\"file\": ..., \"except\": [...]}";
  }

 private:
  bool read_text(const Place& place, InitialWeightsSpec& out) const override {
    return path("a path")->read(place, out.file);
  }
  const Object<InitialWeightsSpec>& object() const override { return initial_weights_object(); }
};

/// "trunk" or "until <name>".
class FrozenLayers : public Kind<std::string> {
 public:
  bool read(const Place& place, std::string& until) const override {
    const JsonValue& value = place.value();
    if (value.kind != JsonKind::string) return place.expected(words());
    if (value.text == "trunk") return until.clear(), true;
    if (!value.text.starts_with(kUntil) || value.text.size() == kUntil.size())
      return place.expected(words() + suggestion(value.text, std::vector<std::string>{"trunk"}));
    until = value.text.substr(kUntil.size());
    return true;
  }
  JsonValue write(const std::string& until) const override {
    return until.empty() ? JsonValue("trunk") : JsonValue(std::string(kUntil) + until);
  }
  JsonValue schema() const override {
    return JsonValue::object().set("type", "string").set("pattern", "^(trunk|until .+)$");
  }
  std::string words() const override { return "\"trunk\" or \"until <name of an entry>\""; }
};

class Freeze final : public Short<FreezeSpec> {
 public:
  std::string words() const override {
    return FrozenLayers().words() + ", or {\"layers\": one of these, ...}";
  }

 private:
  bool read_text(const Place& place, FreezeSpec& out) const override {
    return FrozenLayers().read(place, out.until);
  }
  const Object<FreezeSpec>& object() const override { return freeze_object(); }
};

/// The objects live forever.
KindOf<UnfreezeSpec> unfreeze_kind() {
  return {&unfreeze_object(), [](const auto*) {}};
}

}  // namespace

const Object<InitialWeightsSpec>& initial_weights_object() {
  using S = InitialWeightsSpec;
  static const Object<S> kind(
      "initial_weights",
      {"",
       "A safetensors file, float32, float16 or bfloat16, and what to take of it.",
       {required_key("file", &S::file, path("the path of a .safetensors file (a string)"),
                     "The safetensors file."),
        names_key(),
        optional_key(
            "except", &S::except, list(layer_name(), 0, "an array of names of layers"),
            "Layers that stay freshly initialized. The name of a residual stands for its "
            "projection; the entries inside have names of their own. With `names`, the last layer is "
            "left out by itself if the file's has another size.")}});
  return kind;
}

const Object<UnfreezeSpec>& unfreeze_object() {
  using S = UnfreezeSpec;
  static const Object<S> kind(
      "unfreeze",
      {"",
       "Lets what was frozen learn later; running statistics stay frozen.",
       {optional_key("after_epochs", &S::after_epochs, integer(1), "Epochs in which it is frozen."),
        optional_key("learning_rate_scale", &S::learning_rate_scale, number(Interval::at_least(0)),
                     "Factor on the learning rate of what was frozen.")}});
  return kind;
}

const Object<FreezeSpec>& freeze_object() {
  using S = FreezeSpec;
  static const Object<S> kind(
      "freeze",
      {"",
       "Entries that keep their weights and running statistics. What they make of an image is computed once, "
       "if images do not change from epoch to epoch, and training goes on from there. It is kept on disk for "
       "the next training, too (`data.disk_cache_mb`).",
       {optional_key(
            "layers", &S::until, KindOf<std::string>(std::make_shared<FrozenLayers>()),
            "`\"trunk\"`: all before the last entry that has weights; `\"until <name>\"`: up to that "
            "entry."),
        optional_key("unfreeze", &S::unfreeze, optional(unfreeze_kind()), "When all layers begin to learn."),
        optional_key(
            "cached_views", &S::cached_views, integer(0),
            "With augmentation: so many looks at each image are computed once, and taken in turn. 0: "
            "every step computes new ones."),
        optional_key(
            "cache_mb", &S::cache_mb, integer(0),
            "Memory for what is computed once, in MiB; what does not fit is computed in every step."),
        optional_key(
            "precision", &S::precision, choice<FreezeSpec::Precision>(),
            "How it is kept. `float16` takes half the memory and rounds each value by up to 1/2048 of "
            "it; with `float32`, the model is the same as without keeping anything.")}});
  return kind;
}

KindOf<InitialWeightsSpec> initial_weights_kind() {
  static const auto kind = std::make_shared<InitialWeights>();
  return kind;
}

KindOf<FreezeSpec> freeze_kind() {
  static const auto kind = std::make_shared<Freeze>();
  return kind;
}

}  // namespace cnn
