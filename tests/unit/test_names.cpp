// One name, one type: who reads a name must not have to ask which of two things it is, and two types of one
// name in one namespace break the one-definition rule without a word from the linker.
#include <cctype>
#include <map>
#include <regex>
#include <set>

#include "catch.h"
#include "source_files.h"

namespace cnn {
namespace {

using Names = std::vector<std::string>;

/// The text without comments, preprocessor lines and what is inside quotes.
std::string code_of(const std::string& text) {
  std::string code;
  bool line_begins = true;
  for (std::size_t i = 0; i < text.size();) {
    const auto rest = std::string_view(text).substr(i);
    const auto skip_to = [&](std::string_view end) {
      const std::size_t at = text.find(end, i);
      i = at == std::string::npos ? text.size() : at;
    };
    if (rest.starts_with("//") || (line_begins && rest[0] == '#')) {
      skip_to("\n");
    } else if (rest.starts_with("/*")) {
      skip_to("*/");
      i = std::min(i + 2, text.size());
    } else if (rest.starts_with("R\"(")) {
      skip_to(")\"");
      i = std::min(i + 2, text.size());
    } else if (rest[0] == '"' ||
               (rest[0] == '\'' && (i == 0 || !std::isalnum(static_cast<unsigned char>(text[i - 1]))))) {
      const char quote = text[i++];
      while (i < text.size() && text[i] != quote) i += text[i] == '\\' ? 2 : 1;
      ++i;
    } else {
      line_begins = rest[0] == '\n' || (line_begins && (rest[0] == ' ' || rest[0] == '\t'));
      code += rest[0];
      ++i;
    }
  }
  return code;
}

/// A type that a file defines at the level of a namespace, an unnamed one included.
struct DefinedType {
  std::string name;
  std::string space;  ///< "cnn", "cnn::reference"; an unnamed namespace is that around it
  std::string file;
  bool unnamed = false;  ///< in an unnamed namespace
};

/// Reads statements up to their `{`, `}` or `;`.
std::vector<DefinedType> types_of(const SourceFile& file) {
  static const std::regex kType(
      R"((?:^|[>\s])(?:struct|class|enum class|enum)\s+(\w+)(?:\s+final)?(?:\s*:[^:].*)?$)");
  static const std::regex kAlias(R"(^(?:template\s*<.*>\s*)?using\s+(\w+)\s*=)");
  struct Scope {
    bool is_namespace;
    std::string name;
  };
  std::vector<Scope> scopes;
  std::vector<DefinedType> types;
  std::string statement;
  const auto found = [&](const std::string& name) {
    DefinedType type{name, "", file.name};
    for (const Scope& scope : scopes) {
      if (!scope.is_namespace) return;
      if (scope.name.empty()) type.unnamed = true;
      if (!scope.name.empty()) type.space += (type.space.empty() ? "" : "::") + scope.name;
    }
    types.push_back(type);
  };
  for (const char c : code_of(file.text)) {
    if (c != '{' && c != '}' && c != ';') {
      statement += c == '\n' ? ' ' : c;
      continue;
    }
    statement.erase(0, std::min(statement.find_first_not_of(' '), statement.size()));
    statement.erase(statement.find_last_not_of(' ') + 1);
    std::smatch match;
    if (c == '{') {
      const bool is_namespace = statement.starts_with("namespace");
      if (!is_namespace && std::regex_search(statement, match, kType)) found(match[1]);
      const std::size_t name = is_namespace ? statement.find(' ') : std::string::npos;
      scopes.push_back({is_namespace, name == std::string::npos ? "" : statement.substr(name + 1)});
    } else if (c == '}') {
      if (!scopes.empty()) scopes.pop_back();
    } else if (std::regex_search(statement, match, kAlias)) {
      found(match[1]);
    }
    statement.clear();
  }
  return types;
}

/// "<name>: <files>" for every type that shares its name with another in its namespace. What only sources
/// have in their unnamed namespaces (the Options of a program, an alias for a library's type) may have the
/// same name: nobody sees both. Types inside classes are told apart by their class: ConvPadding::Mode.
Names names_of_several_types(const std::vector<SourceFile>& files) {
  std::map<std::string, std::vector<DefinedType>> by_name;
  for (const SourceFile& file : files)
    for (DefinedType& type : types_of(file))
      by_name[type.space + "::" + type.name].push_back(std::move(type));
  Names found;
  for (const auto& [name, types] : by_name) {
    if (types.size() < 2 || std::ranges::all_of(types, &DefinedType::unnamed)) continue;
    std::string text = name + ":";
    for (const DefinedType& type : types) text += " " + type.file;
    found.push_back(text);
  }
  return found;
}

TEST_CASE("no two types share a name", "[house]") {
  CHECK(names_of_several_types(source_files(std::filesystem::path(CNN_SOURCE_DIR) / "src")) == Names{});
}

TEST_CASE("the types of a file are found, and those of one name", "[house]") {
  const SourceFile a{
      "a.h",
      "#pragma once\n#define X struct Not {\nnamespace cnn {\nclass Later;\n"
      "/// struct Comment {\nstruct A : B<int> { enum class Mode { x }; void f() { struct In {}; } };\n"
      "template <class T>\nclass Box final : public A {\n};\nenum class E : int { one };\n"
      "const char* text = \"struct Text {\";\nusing Alias = std::vector<int>;\nstruct A f() {}\n"
      "namespace inner {\nstruct A {};\n}\n}\n"};
  Names found;
  for (const DefinedType& type : types_of(a)) found.push_back(type.space + "::" + type.name);
  CHECK(found == Names{"cnn::A", "cnn::Box", "cnn::E", "cnn::Alias", "cnn::inner::A"});
  CHECK(names_of_several_types({a}) == Names{});
  const SourceFile b{"b.cpp", "namespace cnn {\nnamespace {\nstruct Box {};\nstruct Options {};\n}\n}\n"};
  const SourceFile c{"c.cpp", "namespace cnn {\nnamespace {\nstruct Options {};\n}\nusing E = int;\n}\n"};
  CHECK(names_of_several_types({a, b, c}) == Names{"cnn::Box: a.h b.cpp", "cnn::E: a.h c.cpp"});
}

}  // namespace
}  // namespace cnn
