#pragma once

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/description.h"
#include "config/json_value.h"
#include "config/place.h"
#include "config/suggestion.h"
#include "core/text.h"
#include "core/words.h"
#include "nn/layers/conv.h"
#include "nn/shape.h"

namespace cnn {

/// A kind of value: how it is read and checked, written, described in the JSON Schema and to people. The one
/// source of all four.
template <class V>
class Kind : public Described {
 public:
  /// Reads and checks. Reports every mistake and returns false; `out` is then of no use.
  virtual bool read(const Place& place, V& out) const = 0;
  /// JSON from which read() makes the same value.
  virtual JsonValue write(const V& value) const = 0;
  virtual JsonValue schema() const = 0;
  /// What is expected: "an integer >= 1".
  virtual std::string words() const = 0;
};

template <class V>
using KindOf = std::shared_ptr<const Kind<V>>;

/// No count or size is larger: products of two of them fit 64 bits, and none is meant.
inline constexpr std::int64_t kLargestSize = std::int64_t{1} << 20;

/// An integer from `least` to `most`. 3.0 is one, 3.5 is not. With most == kLargestSize, only a
/// message about a larger number mentions the limit.
KindOf<int> integer(std::int64_t least, std::int64_t most = kLargestSize);
KindOf<std::uint64_t> seed_number();

/// An interval of numbers; an infinite bound does not limit.
struct Interval {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_open = false, high_open = false;
  static Interval at_least(double low) { return {.low = low}; }
  static Interval above(double low) { return {.low = low, .low_open = true}; }
  static Interval closed(double low, double high) { return {.low = low, .high = high}; }
  /// low <= x < high.
  static Interval half_open(double low, double high) { return {.low = low, .high = high, .high_open = true}; }
  static Interval open(double low, double high) {
    return {.low = low, .high = high, .low_open = true, .high_open = true};
  }
};
KindOf<double> number(Interval interval = {});

KindOf<bool> boolean();

/// A number for both directions, or [height, width].
KindOf<Size2> size(int least);
/// The same; not given means another key's value, which the reader of the whole object fills in.
KindOf<std::optional<Size2>> optional_size(int least);
KindOf<ConvPadding> conv_padding();

/// Any text, the empty one too.
class Text : public Kind<std::string> {
 public:
  explicit Text(std::string words) : words_(std::move(words)) {}
  bool read(const Place& place, std::string& out) const override {
    if (place.value().kind != JsonValue::Kind::string) return place.expected(words_);
    out = place.value().text;
    return true;
  }
  JsonValue write(const std::string& value) const override { return value; }
  JsonValue schema() const override { return JsonValue::object().set("type", "string"); }
  std::string words() const override { return words_; }

 private:
  std::string words_;
};

/// A file or folder; relative ones start at the config's folder. Absolute and lexically normal afterwards.
KindOf<std::filesystem::path> path(std::string what);

/// A string that may serve as part of a file name: one line, no slashes.
KindOf<std::string> run_name();
/// A string without dots, on one line: tensors are called <layer>.<tensor>.
KindOf<std::string> layer_name();

/// Two numbers: [first, second].
KindOf<std::array<double, 2>> number_pair(Interval interval);
/// A schedule's points: at least two [fraction, factor], fractions ascending from 0 to 1.
KindOf<std::vector<std::array<double, 2>>> points();

/// "a", "b", "c" for messages.
std::string quoted_list(const std::vector<std::string>& words, std::string_view last = ", ");

/// One of the words of an enumeration.
template <class E>
class Choice : public Kind<E> {
 public:
  /// A word that users try although it is not allowed, and what to do instead.
  struct Refused {
    std::string name;
    std::string why;
  };
  /// `without`: values that are not allowed here.
  explicit Choice(std::vector<Refused> refused = {}, const std::vector<E>& without = {})
      : refused_(std::move(refused)) {
    for (const Word<E>& word : kWords<E>)
      if (std::ranges::find(without, word.value) == without.end()) words_.push_back(word);
  }

  bool read(const Place& place, E& out) const override {
    const JsonValue& value = place.value();
    if (value.kind == JsonValue::Kind::string) {
      for (const Word<E>& word : words_)
        if (word.word == value.text) return out = word.value, true;
      for (const Refused& word : refused_)
        if (word.name == value.text) return place.error(word.why);
      return place.expected(words() + suggestion(value.text, names()));
    }
    return place.expected(words());
  }
  JsonValue write(const E& value) const override { return std::string(word_of(value)); }
  JsonValue schema() const override {
    JsonValue names = JsonValue::array();
    for (const std::string& name : this->names()) names.items.push_back(name);
    return JsonValue::object().set("enum", std::move(names));
  }
  std::string words() const override {
    return words_.size() == 1 ? fmt::format("\"{}\"", words_[0].word) : "one of " + quoted_list(names());
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const Word<E>& word : words_) names.emplace_back(word.word);
    return names;
  }

 private:
  std::vector<Word<E>> words_;
  std::vector<Refused> refused_;
};

template <class E>
KindOf<E> choice(std::vector<typename Choice<E>::Refused> refused = {}, const std::vector<E>& without = {}) {
  return std::make_shared<Choice<E>>(std::move(refused), without);
}

/// An array of values of one kind.
template <class V>
class List : public Kind<std::vector<V>> {
 public:
  List(KindOf<V> element, std::size_t least, std::string words)
      : element_(std::move(element)), least_(least), words_(std::move(words)) {}

  bool read(const Place& place, std::vector<V>& out) const override {
    if (place.value().kind != JsonValue::Kind::array) {
      const std::string line = to_line(place.value());
      return place.expected(words_, fmt::format("write [{}]", line.size() <= 60 ? line : "..."));
    }
    if (place.value().items.size() < least_) return place.expected(words_);
    bool good = true;
    out.clear();
    for (std::size_t i = 0; i < place.value().items.size(); ++i) {
      out.emplace_back();
      good = element_->read(place.element(i), out.back()) && good;
    }
    return good;
  }
  JsonValue write(const std::vector<V>& values) const override {
    JsonValue list = JsonValue::array();
    for (const V& value : values) list.items.push_back(element_->write(value));
    return list;
  }
  JsonValue schema() const override {
    JsonValue schema = JsonValue::object().set("type", "array").set("items", element_->schema());
    if (least_ > 0) schema.set("minItems", least_);
    return schema;
  }
  std::string words() const override { return words_; }
  std::vector<ObjectDescription> descriptions() const override { return element_->descriptions(); }

 private:
  KindOf<V> element_;
  std::size_t least_;
  std::string words_;
};

template <class V>
KindOf<std::vector<V>> list(KindOf<V> element, std::size_t least, std::string words) {
  return std::make_shared<List<V>>(std::move(element), least, std::move(words));
}

/// A value or null, which means that there is none.
template <class V>
class Optional : public Kind<std::optional<V>> {
 public:
  explicit Optional(KindOf<V> kind) : kind_(std::move(kind)) {}
  bool read(const Place& place, std::optional<V>& out) const override {
    if (place.value().kind == JsonValue::Kind::null) return out.reset(), true;
    return kind_->read(place, out.emplace());
  }
  JsonValue write(const std::optional<V>& value) const override {
    return value ? kind_->write(*value) : JsonValue();
  }
  JsonValue schema() const override {
    return JsonValue::object().set(
        "anyOf", JsonValue::array({kind_->schema(), JsonValue::object().set("type", "null")}));
  }
  std::string words() const override { return kind_->words(); }
  std::vector<ObjectDescription> descriptions() const override { return kind_->descriptions(); }

 private:
  KindOf<V> kind_;
};

template <class V>
KindOf<std::optional<V>> optional(KindOf<V> kind) {
  return std::make_shared<Optional<V>>(std::move(kind));
}

}  // namespace cnn
