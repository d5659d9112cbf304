#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "config/table.h"

namespace cnn {

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

  /// A type that users try although it does not exist, and what to do instead.
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
