#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "config/kind.h"

namespace cnn {

/// A key of objects that become a C++ struct S. A key of an object must say what another value means for
/// --resume, unless the key above says it for all of them; tests/unit/test_config_rows.cpp walks the tables.
template <class S>
struct Field {
  std::string key;
  std::string doc;
  bool required = false;
  std::string default_words;  ///< how the reference calls a default that is not a constant
  bool in_model = true;       ///< false: about data and paths, so not part of a config inside a model
  std::function<bool(const Place&, S&)> read;
  /// nullopt: the key is left out.
  std::function<std::optional<JsonValue>(const S&, ConfigUse)> write;
  std::function<JsonValue()> schema;
  std::function<std::string()> words;
  ResumeRule resume_rule = {};                 ///< empty: the key above, or the keys below, have one
  std::shared_ptr<const Described> kind = {};  ///< of the value, where it may have keys of its own
  /// Brings the value from one S to another.
  std::function<void(const S& from, S& to)> copy = {};
  std::optional<bool> proxy_inherits = {};  ///< of S = TrainingSpec: see config/proxy_training.h

  Field& on_resume(ResumeRule rule) & { return resume_rule = std::move(rule), *this; }
  Field&& on_resume(ResumeRule rule) && { return resume_rule = std::move(rule), std::move(*this); }
  Field& on_resume(ResumeEffect effect) & { return on_resume(always(effect)); }
  Field&& on_resume(ResumeEffect effect) && { return std::move(*this).on_resume(always(effect)); }
  Field&& in_proxy(bool inherits) && { return proxy_inherits = inherits, std::move(*this); }
  Field& defaults_to(std::string words) & { return default_words = std::move(words), *this; }
  Field&& defaults_to(std::string words) && { return default_words = std::move(words), std::move(*this); }
  Field&& not_in_model() && { return in_model = false, std::move(*this); }
};

/// The plain case: the member `member` of S, read and written by `kind`.
template <class S, class V>
Field<S> optional_key(std::string key, V S::*member, KindOf<V> kind, std::string doc) {
  Field<S> field;
  field.key = std::move(key);
  field.doc = std::move(doc);
  field.read = [=](const Place& place, S& out) { return kind->read(place, out.*member); };
  field.write = [=](const S& value, ConfigUse) { return std::optional(kind->write(value.*member)); };
  field.schema = [=] { return kind->schema(); };
  field.words = [=] { return kind->words(); };
  field.kind = kind;
  field.copy = [=](const S& from, S& to) { to.*member = from.*member; };
  return field;
}

template <class S, class V>
Field<S> required_key(std::string key, V S::*member, KindOf<V> kind, std::string doc) {
  Field<S> field = optional_key(std::move(key), member, std::move(kind), std::move(doc));
  field.required = true;
  return field;
}

/// A key that users try here and that there is not, and why.
struct RefusedKey {
  std::string key;
  std::string why;
  std::string instead = {};  ///< the key that `why` proposes
};

/// The table of one kind of object: reader, defaults, writer, schema and reference come from it. Defaults are
/// the values in `prototype`.
template <class S>
struct Table {
  std::string type;  ///< value of the key `type`, or "" where there is no such key
  std::string doc;
  std::vector<Field<S>> fields;
  S prototype{};
  std::vector<RefusedKey> refused = {};
  /// Looks at all the keys together, and fills in defaults that depend on other keys. Called when no single
  /// key is wrong. Returns false after it has reported something.
  std::function<bool(const Place&, S&)> check = {};
  /// Where two tables share a struct: is the value one of this table?
  std::function<bool(const S&)> owns = {};
};

/// Reports the keys of `place` that are not in `allowed`. `what` they are not keys of: "conv", "the config".
/// `hint` may know why a key is there.
bool check_keys(const Place& place, const std::string& what, const std::vector<std::string>& allowed,
                const std::vector<RefusedKey>& refused,
                const std::function<std::string(const std::string&)>& hint);

template <class S>
bool applies(const Field<S>& field, ConfigUse use) {
  return use == ConfigUse::run || field.in_model;
}

template <class S>
void add_allowed(const std::vector<Field<S>>& fields, ConfigUse use, std::vector<std::string>& keys) {
  for (const Field<S>& field : fields)
    if (applies(field, use)) keys.push_back(field.key);
}

template <class S>
bool read_fields(const std::vector<Field<S>>& fields, const Place& place, S& out) {
  bool good = true;
  for (const Field<S>& field : fields) {
    if (!applies(field, place.reading().use())) continue;
    if (place.has(field.key)) {
      good = field.read(place.member(field.key), out) && good;
    } else if (field.required && place.reading().is_proposed(place.pointer() / field.key)) {
      good = false;
    } else if (field.required) {
      good = place.error_at_member(field.key, fmt::format("missing; expected {}", field.words()));
    }
  }
  return good;
}

template <class S>
void write_fields(const std::vector<Field<S>>& fields, const S& value, ConfigUse use, JsonValue& out) {
  for (const Field<S>& field : fields) {
    if (!applies(field, use)) continue;
    if (auto written = field.write(value, use)) out.set(field.key, *std::move(written));
  }
}

template <class S>
std::vector<KeyDescription> describe_fields(const std::vector<Field<S>>& fields, const S& prototype) {
  std::vector<KeyDescription> keys;
  for (const Field<S>& field : fields) {
    KeyDescription key{.key = field.key,
                       .required = field.required,
                       .words = field.words(),
                       .default_value = {},
                       .default_words = field.default_words,
                       .doc = field.doc,
                       .schema = field.schema(),
                       .on_resume = field.resume_rule,
                       .kind = field.kind};
    if (!field.required && field.default_words.empty())
      key.default_value = field.write(prototype, ConfigUse::run);
    keys.push_back(std::move(key));
  }
  return keys;
}

/// The JSON Schema of an object.
JsonValue schema_of(const ObjectDescription& object);

/// A plain object, without `type`.
template <class S>
class Object : public Kind<S> {
 public:
  /// `name`: how messages call it.
  Object(std::string name, Table<S> table) : name_(std::move(name)), table_(std::move(table)) {}

  bool read(const Place& place, S& out) const override {
    if (place.value().kind != JsonValue::Kind::object) return place.expected(words());
    std::vector<std::string> allowed;
    add_allowed(table_.fields, place.reading().use(), allowed);
    out = table_.prototype;
    bool good = check_keys(place, name_, allowed, table_.refused, {});
    good = read_fields(table_.fields, place, out) && good;
    return good && (!table_.check || table_.check(place, out));
  }
  JsonValue write(const S& value) const override { return write(value, ConfigUse::run); }
  JsonValue write(const S& value, ConfigUse use) const {
    JsonValue out = JsonValue::object();
    write_fields(table_.fields, value, use, out);
    return out;
  }
  JsonValue schema() const override { return schema_of(description()); }
  std::string words() const override {
    std::vector<std::string> keys;
    for (const Field<S>& field : table_.fields)
      if (field.required) keys.push_back(field.key);
    return keys.empty() ? "an object" : "an object with " + quoted_list(keys, " and ");
  }
  ObjectDescription description() const {
    return {"", table_.doc, describe_fields(table_.fields, table_.prototype)};
  }
  std::vector<ObjectDescription> descriptions() const override { return {description()}; }
  const std::vector<Field<S>>& fields() const { return table_.fields; }

 private:
  std::string name_;
  Table<S> table_;
};

/// A key whose value is an object that depends on the use of what is written.
template <class S, class V>
Field<S> object_key(std::string key, V S::*member, std::shared_ptr<const Object<V>> kind, std::string doc) {
  Field<S> field = required_key<S, V>(std::move(key), member, kind, std::move(doc));
  field.write = [=](const S& value, ConfigUse use) { return std::optional(kind->write(value.*member, use)); };
  return field;
}

/// One of several objects, told apart by `type`: entries of the network, optimizers, schedules. V holds a
/// std::variant with a struct per type; `variant_of` finds it in V.
template <class V, class Variant>
class Typed : public Kind<V> {
 public:
  using VariantOf = Variant& (*)(V&);

  /// `common`: keys that every type has.
  explicit Typed(VariantOf variant_of, std::vector<Field<V>> common = {})
      : variant_of_(variant_of), common_(std::move(common)) {}

  template <class S>
  Typed& add(Table<S> table, bool with_common = true) {
    Alternative alternative;
    alternative.type = table.type;
    alternative.with_common = with_common;
    const auto shared = std::make_shared<const Table<S>>(std::move(table));
    alternative.refused = shared->refused;
    alternative.allowed = [=](ConfigUse use) {
      std::vector<std::string> keys;
      add_allowed(shared->fields, use, keys);
      return keys;
    };
    const VariantOf variant_of = variant_of_;
    alternative.read = [=](const Place& place, V& out, bool check) {
      S& spec = variant_of(out).template emplace<S>(shared->prototype);
      return read_fields(shared->fields, place, spec) &&
             (!check || !shared->check || shared->check(place, spec));
    };
    alternative.write = [=, fields = with_common ? common_ : std::vector<Field<V>>{}](const V& value,
                                                                                      JsonValue& out) {
      // variant_of serves reading and writing; here it changes nothing.
      const S* spec = std::get_if<S>(&variant_of(const_cast<V&>(value)));
      if (spec == nullptr || (shared->owns && !shared->owns(*spec))) return false;
      out.set("type", shared->type);
      write_fields(fields, value, ConfigUse::run, out);
      write_fields(shared->fields, *spec, ConfigUse::run, out);
      return true;
    };
    alternative.describe = [=] {
      return ObjectDescription{shared->type, shared->doc, describe_fields(shared->fields, shared->prototype)};
    };
    alternatives_.push_back(std::move(alternative));
    return *this;
  }

  /// What another type means for --resume.
  Typed& on_resume_of_type(ResumeEffect effect) { return type_on_resume_ = always(effect), *this; }

  /// A type that users try and that is none, and what to do instead.
  Typed& refuse_type(std::string type, std::string why) {
    refused_types_.push_back({std::move(type), std::move(why)});
    return *this;
  }

  bool read(const Place& place, V& out) const override {
    const JsonValue& value = place.value();
    if (value.kind == JsonValue::Kind::string) {
      const std::vector<std::string> names = types();
      const bool known = std::find(names.begin(), names.end(), value.text) != names.end();
      return place.expected(words(), known ? fmt::format("write {{\"type\": \"{}\"}}", value.text) : "");
    }
    if (value.kind != JsonValue::Kind::object) return place.expected(words());
    if (!place.has("type"))
      return place.error_at_member("type", fmt::format("missing; expected one of {}", quoted_list(types())));
    const Alternative* alternative = read_type(place.member("type"));
    if (alternative == nullptr) return false;

    std::vector<std::string> allowed{"type"};
    if (alternative->with_common) add_allowed(common_, place.reading().use(), allowed);
    for (std::string& key : alternative->allowed(place.reading().use())) allowed.push_back(std::move(key));
    bool good = check_keys(place, alternative->type, allowed, alternative->refused,
                           [&](const std::string& key) { return hint(place, *alternative, key); });
    if (alternative->with_common) good = read_fields(common_, place, out) && good;
    return alternative->read(place, out, good) && good;
  }
  JsonValue write(const V& value) const override {
    JsonValue out = JsonValue::object();
    for (const Alternative& alternative : alternatives_)
      if (alternative.write(value, out)) break;
    return out;
  }
  JsonValue schema() const override {
    JsonValue list = JsonValue::array();
    for (const ObjectDescription& object : descriptions()) list.items.push_back(schema_of(object));
    return JsonValue::object().set("oneOf", std::move(list));
  }
  std::string words() const override {
    return fmt::format("an object {{\"type\": ...}} with type one of {}", quoted_list(types()));
  }
  std::vector<ObjectDescription> descriptions() const override {
    std::vector<ObjectDescription> all;
    for (const Alternative& alternative : alternatives_) {
      all.push_back(alternative.describe());
      all.back().type_on_resume = type_on_resume_;
      if (alternative.with_common)
        for (KeyDescription& key : describe_fields(common_, V{})) all.back().keys.push_back(std::move(key));
    }
    return all;
  }

 private:
  struct Alternative {
    std::string type;
    bool with_common = true;
    std::vector<RefusedKey> refused;
    std::function<std::vector<std::string>(ConfigUse)> allowed;
    std::function<bool(const Place&, V&, bool check)> read;
    std::function<bool(const V&, JsonValue&)> write;
    std::function<ObjectDescription()> describe;
  };

  std::vector<std::string> types() const {
    std::vector<std::string> types;
    for (const Alternative& alternative : alternatives_) types.push_back(alternative.type);
    return types;
  }

  const Alternative* read_type(const Place& place) const {
    const JsonValue& value = place.value();
    const std::string expected = "one of " + quoted_list(types());
    if (value.kind != JsonValue::Kind::string) return place.expected(expected), nullptr;
    for (const Alternative& alternative : alternatives_)
      if (alternative.type == value.text) return &alternative;
    for (const RefusedKey& type : refused_types_)
      if (type.key == value.text) return place.error(type.why), nullptr;
    return place.expected(expected + suggestion(value.text, types())), nullptr;
  }

  /// Why a key may stand here although this type does not have it.
  std::string hint(const Place& place, const Alternative& chosen, const std::string& key) const {
    std::vector<std::string> owners;
    for (const Alternative& other : alternatives_) {
      const std::vector<std::string> keys = other.allowed(place.reading().use());
      if (std::find(keys.begin(), keys.end(), key) != keys.end()) owners.push_back(other.type);
    }
    if (owners.empty()) return "";
    std::string text = fmt::format(": it belongs to {}", join(owners));
    const int from = place.member("type").value().override_index;
    if (from != JsonValue::kFromFile && place.member(key).value().override_index == JsonValue::kFromFile) {
      const std::string& assignment = place.reading().document().override_text(from);
      const std::size_t end = assignment.find('=') - std::string_view(".type").size();
      text += fmt::format(
          ", and the type comes from --set {}; replace the whole object instead, --set '{}={{\"type\": "
          "\"{}\", ...}}'",
          assignment, assignment.substr(0, end), chosen.type);
    }
    return text;
  }

  VariantOf variant_of_;
  std::vector<Field<V>> common_;
  std::vector<Alternative> alternatives_;
  std::vector<RefusedKey> refused_types_;
  ResumeRule type_on_resume_;
};

}  // namespace cnn
