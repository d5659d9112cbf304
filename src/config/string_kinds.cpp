#include "config/kind.h"

namespace cnn {
namespace {

using JsonKind = JsonValue::Kind;

class Path : public Kind<std::filesystem::path> {
 public:
  explicit Path(std::string what) : what_(std::move(what)) {}
  bool read(const Place& place, std::filesystem::path& out) const override {
    const JsonValue& value = place.value();
    if (value.kind != JsonKind::string) return place.expected(words());
    if (value.text.empty()) return place.error(fmt::format("found an empty string, expected {}", words()));
    const std::filesystem::path& folder = place.reading().document().folder();
    out = (folder / value.text).lexically_normal();
    if (!out.has_filename()) out = out.parent_path();  // "a/b/" is "a/b"
    // The run folder's config.json names the path, and JSON is UTF-8.
    if (printable(out.string()) != out.string())
      return place.error(
          fmt::format("the path {} holds a control character or bytes that are not UTF-8; use another path",
                      printable(out.string())));
    return true;
  }
  JsonValue write(const std::filesystem::path& value) const override { return value.string(); }
  JsonValue schema() const override { return JsonValue::object().set("type", "string").set("minLength", 1); }
  std::string words() const override { return what_; }

 private:
  std::string what_;
};

class Name : public Kind<std::string> {
 public:
  Name(char forbidden, std::string words) : forbidden_(forbidden), words_(std::move(words)) {}
  bool read(const Place& place, std::string& out) const override {
    const JsonValue& value = place.value();
    if (value.kind != JsonKind::string) return place.expected(words_);
    const bool special = value.text == "." || value.text == "..";
    if (value.text.empty() || special || value.text.find(forbidden_) != std::string::npos ||
        printable(value.text) != value.text)
      return place.expected(words_);
    out = value.text;
    return true;
  }
  JsonValue write(const std::string& value) const override { return value; }
  JsonValue schema() const override {
    return JsonValue::object().set("type", "string").set("pattern", fmt::format("^[^{}]+$", forbidden_));
  }
  std::string words() const override { return words_; }

 private:
  char forbidden_;
  std::string words_;
};

}  // namespace

KindOf<std::filesystem::path> path(std::string what) { return std::make_shared<Path>(std::move(what)); }
KindOf<std::string> run_name() {
  return std::make_shared<Name>('/', "a name on one line, without slashes (a string)");
}
KindOf<std::string> layer_name() {
  return std::make_shared<Name>('.', "a name on one line, without dots (a string)");
}

}  // namespace cnn
