#include "config/kind.h"

#include <charconv>
#include <cmath>

#include "config/table.h"

namespace cnn {
namespace {

using JsonKind = JsonValue::Kind;

/// Numbers beyond this are not exact in a double, and in most JSON software.
constexpr double kLargestExact = 9007199254740992.0;  // 2^53

std::optional<std::int64_t> to_integer(const JsonValue& value) {
  if (value.kind != JsonKind::number) return {};
  std::int64_t integer = 0;
  const char* end = value.text.data() + value.text.size();
  const auto result = std::from_chars(value.text.data(), end, integer);
  if (result.ec == std::errc() && result.ptr == end) return integer;
  if (std::abs(value.number) > kLargestExact || std::floor(value.number) != value.number) return {};
  return static_cast<std::int64_t>(value.number);
}

class Integer : public Kind<int> {
 public:
  Integer(std::int64_t least, std::int64_t most) : least_(least), most_(most) {}
  bool read(const Place& place, int& out) const override {
    const auto integer = to_integer(place.value());
    if (integer && *integer >= least_ && *integer <= most_) return out = static_cast<int>(*integer), true;
    const bool too_large =
        place.value().kind == JsonKind::number && place.value().number > static_cast<double>(most_);
    return place.expected(too_large ? range() : words());
  }
  JsonValue write(const int& value) const override { return value; }
  JsonValue schema() const override {
    return JsonValue::object().set("type", "integer").set("minimum", least_).set("maximum", most_);
  }
  std::string words() const override {
    return most_ == kLargestSize ? fmt::format("an integer >= {}", least_) : range();
  }

 private:
  std::string range() const { return fmt::format("an integer from {} to {}", least_, most_); }
  std::int64_t least_, most_;
};

class SeedNumber : public Kind<std::uint64_t> {
 public:
  bool read(const Place& place, std::uint64_t& out) const override {
    const JsonValue& value = place.value();
    if (value.kind != JsonKind::number) return place.expected(words());
    const char* end = value.text.data() + value.text.size();
    const auto result = std::from_chars(value.text.data(), end, out);
    if (result.ec == std::errc() && result.ptr == end) return true;
    const auto integer = to_integer(value);  // 1e3
    if (!integer || *integer < 0) return place.expected(words());
    out = static_cast<std::uint64_t>(*integer);
    return true;
  }
  JsonValue write(const std::uint64_t& value) const override { return value; }
  JsonValue schema() const override {
    return JsonValue::object()
        .set("type", "integer")
        .set("minimum", 0)
        .set("maximum", std::numeric_limits<std::uint64_t>::max());
  }
  std::string words() const override { return "an integer from 0 to 18446744073709551615"; }
};

class Number : public Kind<double> {
 public:
  explicit Number(Interval interval) : interval_(interval) {}
  bool read(const Place& place, double& out) const override {
    const JsonValue& value = place.value();
    if (value.kind != JsonKind::number) return place.expected(words());
    const double x = value.number;
    const bool low = interval_.low_open ? x > interval_.low : x >= interval_.low;
    const bool high = interval_.high_open ? x < interval_.high : x <= interval_.high;
    if (!low || !high) return place.expected(words());
    // The arithmetic is in 32-bit floats: beyond them a number would become infinite.
    if (std::abs(x) > std::numeric_limits<float>::max())
      return place.error(
          fmt::format("found {}, which does not fit a 32-bit float (3.4e38)", describe(value)));
    out = x == 0 ? 0 : x;  // no -0.0
    return true;
  }
  JsonValue write(const double& value) const override { return value; }
  JsonValue schema() const override {
    JsonValue schema = JsonValue::object().set("type", "number");
    if (std::isfinite(interval_.low))
      schema.set(interval_.low_open ? "exclusiveMinimum" : "minimum", interval_.low);
    if (std::isfinite(interval_.high))
      schema.set(interval_.high_open ? "exclusiveMaximum" : "maximum", interval_.high);
    return schema;
  }
  std::string words() const override {
    std::string words = "a number";
    const bool low = std::isfinite(interval_.low), high = std::isfinite(interval_.high);
    if (low) words += fmt::format(" {} {}", interval_.low_open ? ">" : ">=", exact(interval_.low));
    if (low && high) words += " and";
    if (high) words += fmt::format(" {} {}", interval_.high_open ? "<" : "<=", exact(interval_.high));
    return words;
  }

 private:
  Interval interval_;
};

class Boolean : public Kind<bool> {
 public:
  bool read(const Place& place, bool& out) const override {
    if (place.value().kind != JsonKind::boolean) return place.expected(words());
    out = place.value().boolean;
    return true;
  }
  JsonValue write(const bool& value) const override { return value; }
  JsonValue schema() const override { return JsonValue::object().set("type", "boolean"); }
  std::string words() const override { return "true or false"; }
};

class Size : public Kind<Size2> {
 public:
  explicit Size(int least) : least_(least) {}
  bool read(const Place& place, Size2& out) const override {
    const JsonValue& value = place.value();
    if (const auto both = checked(value)) return out = {*both, *both}, true;
    if (value.kind == JsonKind::array && value.items.size() == 2) {
      const auto h = checked(value.items[0]), w = checked(value.items[1]);
      if (h && w) return out = {*h, *w}, true;
      return (h ? place.element(1) : place.element(0)).expected(one());
    }
    const auto integer = to_integer(value);
    if (integer && *integer > kLargestSize)
      return place.expected(fmt::format("an integer from {} to {}", least_, kLargestSize));
    return place.expected(words());
  }
  JsonValue write(const Size2& value) const override {
    if (value.h == value.w) return value.h;
    return JsonValue::array({value.h, value.w});
  }
  JsonValue schema() const override {
    const JsonValue one =
        JsonValue::object().set("type", "integer").set("minimum", least_).set("maximum", kLargestSize);
    const JsonValue two =
        JsonValue::object().set("type", "array").set("items", one).set("minItems", 2).set("maxItems", 2);
    return JsonValue::object().set("anyOf", JsonValue::array({one, two}));
  }
  std::string words() const override { return one() + " or [height, width]"; }

 private:
  std::optional<int> checked(const JsonValue& value) const {
    const auto integer = to_integer(value);
    if (!integer || *integer < least_ || *integer > kLargestSize) return {};
    return static_cast<int>(*integer);
  }
  std::string one() const { return fmt::format("an integer >= {}", least_); }
  int least_;
};

class OptionalSize : public Kind<std::optional<Size2>> {
 public:
  explicit OptionalSize(int least) : size_(least) {}
  bool read(const Place& place, std::optional<Size2>& out) const override {
    return size_.read(place, out.emplace());
  }
  JsonValue write(const std::optional<Size2>& value) const override { return size_.write(*value); }
  JsonValue schema() const override { return size_.schema(); }
  std::string words() const override { return size_.words(); }

 private:
  Size size_;
};

class Padding : public Kind<ConvPadding> {
 public:
  bool read(const Place& place, ConvPadding& out) const override {
    const JsonValue& value = place.value();
    if (value.kind == JsonKind::string) {
      for (const auto& [word, mode] : kRules)
        if (value.text == word) return out = {.mode = mode}, true;
      return place.expected(words() + suggestion(value.text, rule_names()));
    }
    if (value.kind == JsonKind::object) return out.mode = Mode::sides, read_sides(place, out.sides);
    out.mode = Mode::amount;
    if (value.kind == JsonKind::number || (value.kind == JsonKind::array && value.items.size() == 2))
      return size_.read(place, out.amount);
    return place.expected(words());
  }
  JsonValue write(const ConvPadding& value) const override {
    for (const auto& [word, mode] : kRules)
      if (value.mode == mode) return word;
    if (value.mode == Mode::amount) return size_.write(value.amount);
    JsonValue sides = JsonValue::object();
    for (const auto& [key, side] : kSides) sides.set(key, value.sides.*side);
    return sides;
  }
  JsonValue schema() const override {
    JsonValue schema = size_.schema(), properties = JsonValue::object(), words = JsonValue::array();
    for (const auto& [key, side] : kSides) properties.set(key, side_->schema());
    for (const std::string& word : rule_names()) words.items.push_back(word);
    auto& forms = schema.find("anyOf")->items;
    forms.push_back(JsonValue::object()
                        .set("type", "object")
                        .set("properties", properties)
                        .set("additionalProperties", false));
    forms.push_back(JsonValue::object().set("enum", words));
    return schema;
  }
  std::string words() const override {
    return "an integer >= 0, [height, width], {\"top\", \"left\", \"bottom\", \"right\"}, \"same\", "
           "\"same_tensorflow\" or \"valid\"";
  }

 private:
  using Mode = ConvPadding::Mode;
  static constexpr std::array<std::pair<const char*, Mode>, 3> kRules{
      {{"same", Mode::same}, {"same_tensorflow", Mode::same_tensorflow}, {"valid", Mode::valid}}};
  static constexpr std::array<std::pair<const char*, int MapSides::*>, 4> kSides{
      {{"top", &MapSides::top},
       {"left", &MapSides::left},
       {"bottom", &MapSides::bottom},
       {"right", &MapSides::right}}};

  static std::vector<std::string> rule_names() {
    std::vector<std::string> names;
    for (const auto& [word, mode] : kRules) names.push_back(word);
    return names;
  }

  /// A side that is not given has none.
  bool read_sides(const Place& place, MapSides& out) const {
    out = {};
    bool good = check_keys(place, "padding", {"top", "left", "bottom", "right"}, {}, {});
    for (const auto& [key, side] : kSides)
      if (place.has(key)) good = side_->read(place.member(key), out.*side) && good;
    return good;
  }

  Size size_{0};
  KindOf<int> side_ = integer(0);
};

class NumberPair : public Kind<std::array<double, 2>> {
 public:
  explicit NumberPair(Interval interval) : number_(interval) {}
  bool read(const Place& place, std::array<double, 2>& out) const override {
    if (place.value().kind != JsonKind::array || place.value().items.size() != 2)
      return place.expected(words());
    const bool first = number_.read(place.element(0), out[0]);
    return number_.read(place.element(1), out[1]) && first;
  }
  JsonValue write(const std::array<double, 2>& value) const override {
    return JsonValue::array({value[0], value[1]});
  }
  JsonValue schema() const override {
    return JsonValue::object()
        .set("type", "array")
        .set("items", number_.schema())
        .set("minItems", 2)
        .set("maxItems", 2);
  }
  std::string words() const override {
    return fmt::format("an array of two values, each {}", number_.words());
  }

 private:
  Number number_;
};

class Points : public Kind<std::vector<std::array<double, 2>>> {
 public:
  bool read(const Place& place, std::vector<std::array<double, 2>>& out) const override {
    const JsonValue& value = place.value();
    if (value.kind != JsonKind::array || value.items.size() < 2) return place.expected(words());
    out.clear();
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      const Place point = place.element(i);
      if (point.value().kind != JsonKind::array || point.value().items.size() != 2)
        return point.expected("[fraction of training, factor]");
      out.emplace_back();
      if (!fraction_.read(point.element(0), out[i][0]) || !factor_.read(point.element(1), out[i][1]))
        return false;
      if (i > 0 && out[i][0] <= out[i - 1][0])
        return point.error(
            fmt::format("the fraction {} does not come after {}, the one before; sort the points",
                        exact(out[i][0]), exact(out[i - 1][0])));
    }
    return true;
  }
  JsonValue write(const std::vector<std::array<double, 2>>& value) const override {
    JsonValue list = JsonValue::array();
    for (const auto& point : value) list.items.push_back(JsonValue::array({point[0], point[1]}));
    return list;
  }
  JsonValue schema() const override {
    return JsonValue::object()
        .set("type", "array")
        .set("items", JsonValue::object()
                          .set("type", "array")
                          .set("prefixItems", JsonValue::array({fraction_.schema(), factor_.schema()}))
                          .set("minItems", 2)
                          .set("maxItems", 2))
        .set("minItems", 2);
  }
  std::string words() const override {
    return "at least two points [fraction of training, factor], fractions ascending";
  }

 private:
  Number fraction_{Interval::closed(0, 1)};
  Number factor_{Interval::at_least(0)};
};

}  // namespace

KindOf<int> integer(std::int64_t least, std::int64_t most) { return std::make_shared<Integer>(least, most); }
KindOf<std::uint64_t> seed_number() { return std::make_shared<SeedNumber>(); }
KindOf<double> number(Interval interval) { return std::make_shared<Number>(interval); }
KindOf<bool> boolean() { return std::make_shared<Boolean>(); }
KindOf<Size2> size(int least) { return std::make_shared<Size>(least); }
KindOf<std::optional<Size2>> optional_size(int least) { return std::make_shared<OptionalSize>(least); }
KindOf<ConvPadding> conv_padding() { return std::make_shared<Padding>(); }
KindOf<std::array<double, 2>> number_pair(Interval interval) {
  return std::make_shared<NumberPair>(interval);
}
KindOf<std::vector<std::array<double, 2>>> points() { return std::make_shared<Points>(); }

std::string quoted_list(const std::vector<std::string>& words, std::string_view last) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? std::string(last) : ", ";
    out += "\"" + words[i] + "\"";
  }
  return out;
}

}  // namespace cnn
