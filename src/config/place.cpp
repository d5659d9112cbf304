#include "config/place.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <charconv>

#include "config/syntax_fault.h"
#include "core/error.h"
#include "core/text.h"

namespace cnn {
namespace {

constexpr std::size_t kMostShown = 20;  // mistakes; the rest is counted
constexpr std::size_t kMostKept = 200;  // finding a line takes as long as the file is

bool looks_like_number(const std::string& text) {
  double ignored = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), ignored);
  return result.ec == std::errc() && result.ptr == text.data() + text.size() && !text.empty();
}

}  // namespace

void Reading::add_error(const std::string& pointer, const std::string& message, bool at_key) {
  if (errors_.size() >= kMostKept) {
    ++untold_;
    return;
  }
  errors_.push_back({document_.order_of(pointer), pointer,
                     at_key ? document_.explain_key(pointer, message) : document_.explain(pointer, message)});
}

bool Reading::has_error_at(std::string_view pointer) const {
  return std::any_of(errors_.begin(), errors_.end(), [&](const Mistake& m) { return m.pointer == pointer; });
}

void Reading::finish() const {
  if (errors_.empty()) return;
  std::vector<Mistake> sorted = errors_;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Mistake& a, const Mistake& b) { return a.order < b.order; });
  std::string text;
  for (std::size_t i = 0; i < std::min(sorted.size(), kMostShown); ++i)
    text += (i > 0 ? "\n" : "") + sorted[i].text;
  if (sorted.size() > kMostShown)
    text += fmt::format("\nand {} more mistakes", sorted.size() - kMostShown + untold_);
  throw Error(ExitCode::bad_usage, text);
}

Place Place::member(std::string_view key) const { return {*reading_, *value_->find(key), pointer_ / key}; }

Place Place::element(std::size_t index) const {
  return {*reading_, value_->items[index], pointer_ / std::to_string(index)};
}

bool Place::error(const std::string& message) const {
  reading_->add_error(pointer_, message);
  return false;
}

bool Place::error_at_member(std::string_view key, const std::string& message) const {
  reading_->add_error(pointer_ / key, message);
  return false;
}

bool Place::error_at_key(std::string_view key, const std::string& message) const {
  reading_->add_error(pointer_ / key, message, true);
  return false;
}

bool Place::expected(const std::string& words, std::string advice) const {
  std::string hint = advice.empty() ? "" : "; " + advice;
  const bool wants_string =
      words.find("string") != std::string::npos || words.find("path") != std::string::npos;
  const bool wants_value =
      words.find("number") != std::string::npos || words.find("integer") != std::string::npos;
  if (value_->kind == JsonValue::Kind::string) {
    if (wants_value && looks_like_number(value_->text)) hint = "; remove the quotes";
    if (const std::string number = with_decimal_point(value_->text); wants_value && !number.empty())
      hint = fmt::format("; write {}, with a decimal point", number);
    if (words == "true or false" && (value_->text == "true" || value_->text == "false"))
      hint = "; remove the quotes";
  } else if (value_->kind == JsonValue::Kind::number || value_->kind == JsonValue::Kind::boolean) {
    if (wants_string && value_->override_index != JsonValue::kFromFile) {
      const std::string& text = reading_->document().override_text(value_->override_index);
      hint = fmt::format("; for a string write --set '{}=\"{}\"'", text.substr(0, text.find('=')),
                         to_line(*value_));
    }
    if (words == "true or false" && value_->kind == JsonValue::Kind::number)
      hint = value_->number == 0 ? "; write false" : "; write true";
  }
  return error(fmt::format("found {}, expected {}{}", describe(*value_), words, hint));
}

}  // namespace cnn
