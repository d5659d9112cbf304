#include "config/document.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <charconv>
#include <system_error>

#include "config/syntax.h"
#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

namespace cnn {
namespace {

// A config is a page or two. Whatever is larger was passed by mistake: a model, an image.
constexpr std::uintmax_t kLargestFile = 16u << 20;

constexpr std::string_view kOverrideExample = "--set training.epochs=3";

/// "/a/b~1c" -> "a", "b/c".
std::vector<std::string> steps_of(std::string_view pointer) {
  std::vector<std::string> steps;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);  // the slash
    const std::size_t end = std::min(pointer.find('/'), pointer.size());
    std::string step;
    for (std::size_t i = 0; i < end; ++i) {
      if (pointer[i] == '~' && i + 1 < end) {
        step += pointer[++i] == '1' ? '/' : '~';
      } else {
        step += pointer[i];
      }
    }
    steps.push_back(std::move(step));
    pointer.remove_prefix(end);
  }
  return steps;
}

std::optional<std::size_t> to_index(std::string_view word) {
  std::size_t index = 0;
  const auto result = std::from_chars(word.data(), word.data() + word.size(), index);
  if (word.empty() || result.ec != std::errc() || result.ptr != word.data() + word.size()) return {};
  return index;
}

void mark_override(JsonValue& value, int index) {
  value.override_index = index;
  for (JsonValue& item : value.items) mark_override(item, index);
}

}  // namespace

Document::Document(std::string text, std::string label, std::filesystem::path folder)
    : text_(std::move(text)), label_(std::move(label)), folder_(std::move(folder)) {
  auto parsed = parse_json(text_);
  if (const auto* fault = std::get_if<SyntaxFault>(&parsed))
    fail_usage("{}: {}", position(fault->offset), fault->message);
  root_ = std::get<JsonValue>(std::move(parsed));
}

Document Document::parse(std::string text, std::string label, std::filesystem::path folder,
                         std::span<const std::string> overrides) {
  Document document(std::move(text), std::move(label), std::move(folder));
  for (const std::string& assignment : overrides) document.apply_override(assignment);
  return document;
}

Document Document::read(const std::filesystem::path& path, std::span<const std::string> overrides) {
  const std::string label = printable(path.string());
  std::error_code error;
  const auto status = with_exit_code(ExitCode::bad_usage, [&] { return status_of(path); });
  if (!std::filesystem::exists(status))
    fail_usage("{}: there is no such file; give the path of a config (JSON)", label);
  if (std::filesystem::is_directory(status)) {
    const bool run = std::filesystem::exists(path / "config.json", error);
    fail_usage("{}: this is a folder; give the path of a config (JSON){}", label,
               run ? fmt::format(", for example {}", printable((path / "config.json").string())) : "");
  }
  if (!std::filesystem::is_regular_file(status)) fail_usage("{}: this is not a regular file", label);
  if (const auto size = std::filesystem::file_size(path, error); !error && size > kLargestFile)
    fail_usage("{}: {} is too large for a config; give a JSON file", label,
               human_bytes(static_cast<std::int64_t>(size)));

  return parse(with_exit_code(ExitCode::bad_usage, [&] { return read_file(path); }), label,
               std::filesystem::absolute(path).parent_path().lexically_normal(), overrides);
}

namespace {

/// The element of an array that a step of an override means: by its number, or by the "name" that it has in
/// the file.
std::optional<std::size_t> element_of(const JsonValue& array, const std::string& step) {
  const auto is_called_so = [&](const JsonValue& item) {
    const JsonValue* name = item.kind == JsonValue::Kind::object ? item.find("name") : nullptr;
    return name && name->kind == JsonValue::Kind::string && name->text == step;
  };
  std::optional<std::size_t> element = to_index(step);
  if (!element)
    element = static_cast<std::size_t>(std::ranges::find_if(array.items, is_called_so) - array.items.begin());
  return *element < array.items.size() ? element : std::nullopt;
}

}  // namespace

void Document::apply_override(const std::string& assignment) {
  const int index = static_cast<int>(overrides_.size());
  overrides_.push_back(assignment);
  const std::string place = "--set " + printable(assignment);
  const std::size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0)
    fail_usage("{}: expected a path, = and a value, as in {}", place, kOverrideExample);
  const std::string path = assignment.substr(0, equals);
  const std::string text = assignment.substr(equals + 1);
  if (printable(path) != path || path.find('/') != std::string::npos ||
      std::count(path.begin(), path.end(), '.') >= kDeepestNesting)
    fail_usage("{}: expected keys joined by dots before the =, as in {}", place, kOverrideExample);
  JsonValue value(text);
  if (auto parsed = parse_json(text); auto* json = std::get_if<JsonValue>(&parsed)) {
    value = std::move(*json);
  } else if (const SyntaxFault& fault = std::get<SyntaxFault>(parsed);
             text.find_first_of("{[\"") == 0 || fault.cause == SyntaxFault::Cause::number_too_large) {
    const LineColumn at = line_column(text, fault.offset);
    fail_usage("{}: not JSON at character {} of {}: {}", place, at.column,
               at.line > 1 ? fmt::format("line {} of the value", at.line) : "the value", fault.message);
  } else if (printable(text) != text) {
    fail_usage("{}: the value holds a control character or bytes that are not UTF-8", place);
  }
  mark_override(value, index);

  JsonValue* at = &root_;
  std::string above = "the config";
  std::size_t start = 0;
  while (true) {
    const std::size_t end = std::min(path.find('.', start), path.size());
    const std::string step = path.substr(start, end - start);
    if (step.empty())
      fail_usage("{}: an empty key before the =; expected keys joined by dots, as in {}", place,
                 kOverrideExample);
    const bool last = end == path.size();
    JsonValue* next = nullptr;
    if (at->kind == JsonValue::Kind::array) {
      const std::optional<std::size_t> element = element_of(*at, step);
      const std::size_t count = at->items.size();
      if (!element)
        fail_usage("{}: \"{}\" is not an element of {}, an array of {}{}", place, step, above, count,
                   count > 0 ? fmt::format("; give its number, 0 to {}, or its \"name\"", count - 1) : "");
      next = &at->items[*element];
    } else if (at->kind == JsonValue::Kind::object || at->kind == JsonValue::Kind::null) {
      if (at->kind == JsonValue::Kind::null) *at = JsonValue::object();
      if (at->find(step) == nullptr) {
        // The reader decides whether the key exists; it knows all names.
        JsonValue created = JsonValue::object();
        created.override_index = index;
        at->set(step, std::move(created));
      }
      next = at->find(step);
    } else {
      fail_usage("{}: {} is {}; it has no key \"{}\"", place, above, describe(*at), step);
    }
    if (last) {
      *next = std::move(value);
      return;
    }
    at = next;
    above = path.substr(0, end);
    start = end + 1;
  }
}

Document::Found Document::find(std::string_view pointer) const {
  Found found{&root_, root_.offset, root_.offset, true};
  for (const std::string& step : steps_of(pointer)) {
    const JsonValue& at = *found.value;
    if (at.kind == JsonValue::Kind::array) {
      const auto index = to_index(step);
      if (!index || *index >= at.items.size()) return found.exists = false, found;
      found.value = &at.items[*index];
      found.key_offset = found.value->offset;
    } else {
      found.value = at.find(step);
      if (found.value == nullptr) return found.value = &at, found.exists = false, found;
      found.key_offset = at.keys[static_cast<std::size_t>(found.value - at.items.data())].offset;
    }
    found.offset = found.value->offset;
  }
  return found;
}

std::string Document::position(std::size_t offset) const {
  const LineColumn at = line_column(text_, offset);
  return fmt::format("{}:{}:{}", label_, at.line, at.column);
}

std::string Document::explain(std::string_view pointer, std::string_view message, bool at_key) const {
  const Found found = find(pointer);
  const int override_index = found.value->override_index;
  const std::string place = override_index != JsonValue::kFromFile
                                ? "--set " + printable(override_text(override_index))
                                : position(at_key && found.exists ? found.key_offset : found.offset);
  return pointer.empty() ? fmt::format("{}: {}", place, message)
                         : fmt::format("{}: {}: {}", place, printable(pointer), message);
}

std::string Document::explain(std::string_view pointer, std::string_view message) const {
  return explain(pointer, message, false);
}

std::string Document::explain_key(std::string_view pointer, std::string_view message) const {
  return explain(pointer, message, true);
}

std::size_t Document::order_of(std::string_view pointer) const {
  const Found found = find(pointer);
  if (found.value->override_index != JsonValue::kFromFile)
    return static_cast<std::size_t>(found.value->override_index);
  return overrides_.size() + (found.exists ? found.key_offset : found.offset);
}

}  // namespace cnn
