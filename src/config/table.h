#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
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

/// A key that users try here although it does not exist, and why.
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

}  // namespace cnn
