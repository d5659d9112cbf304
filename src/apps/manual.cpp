#include "apps/manual.h"

#include <spdlog/fmt/fmt.h>

#include <cctype>

#include "core/error.h"

namespace cnn {
namespace {

std::string name_of(const std::string& option) { return option.substr(0, option.find(' ')); }

std::string value_of(const std::string& option) {
  const std::size_t blank = option.find(' ');
  return blank == std::string::npos ? "" : option.substr(blank + 1);
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (std::size_t i = text.find(what); i != std::string::npos; i = text.find(what, i + by.size()))
    text.replace(i, what.size(), by);
  return text;
}

/// The words of an option that takes one of several, as CLI11 describes the check: "TEXT:{flip,none}" becomes
/// "flip|none"; "" for other options.
std::string words_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const std::size_t begin = type.find('{'), end = type.find('}');
  if (begin == std::string::npos || end == std::string::npos) return "";
  return replaced(type.substr(begin + 1, end - begin - 1), ",", "|");
}

/// Text for roff: hyphens stay what is typed, and a line cannot begin with a request.
std::string roff(const std::string& text) {
  std::string out = replaced(replaced(text, "\\", "\\e"), "-", "\\-");
  if (out.starts_with('.') || out.starts_with('\'')) out.insert(0, "\\&");
  return out;
}

std::string quoted(const std::string& text) { return "\"" + replaced(roff(text), "\"", "\\(dq") + "\""; }

std::string section(const std::string& title) { return fmt::format(".SH {}\n", quoted(title)); }

/// A term in bold, and its text indented below.
std::string item(const std::string& term, const std::string& text) {
  return fmt::format(".TP\n\\fB{}\\fR\n{}\n", roff(term), roff(text));
}

std::string items(const std::string& title, const std::vector<Manual::Item>& list) {
  if (list.empty()) return "";
  std::string out = section(title);
  for (const Manual::Item& entry : list) out += item(entry.term, entry.text);
  return out;
}

std::string option_item(const CLI::Option& option) {
  const std::string& value = option.get_option_text();
  const std::string name = replaced(option.get_name(false, true), ",", ", ");
  return fmt::format(".TP\n\\fB{}\\fR{}\n{}.\n", roff(name),
                     value.empty() ? "" : " \\fI" + roff(value) + "\\fR", roff(option.get_description()));
}

/// An empty value comes from a variable that a script has not set, and would be taken for no option at all.
void refuse_empty_values(CLI::App& app) {
  const auto fault = [](const std::string& value) {
    return value.empty() ? std::string("the value is empty; give one, or leave the option out")
                         : std::string();
  };
  for (CLI::Option* option : app.get_options())
    if (option->get_items_expected_min() > 0) option->check(fault);
}

}  // namespace

void arrange_options(CLI::App& app, const Manual& manual) {
  for (CLI::Option* option : app.get_options()) option->group("");
  for (const Manual::Group& group : manual.groups) {
    for (const std::string& entry : group.options) {
      CLI::Option* option = app.get_option_no_throw(name_of(entry));
      CNN_CHECK(option != nullptr, "{} has no option {}; its manual has", manual.program, entry);
      const std::string words = words_of(*option);
      option->group(group.title)->option_text(words.empty() ? value_of(entry) : words);
    }
  }
  for (const CLI::Option* option : app.get_options())
    CNN_CHECK(!option->get_group().empty(), "the manual of {} leaves out {}", manual.program,
              option->get_name());
  refuse_empty_values(app);
}

std::vector<const CLI::Option*> options_of(const CLI::App& app, const Manual::Group& group) {
  std::vector<const CLI::Option*> options;
  for (const std::string& entry : group.options) options.push_back(app.get_option(name_of(entry)));
  return options;
}

std::string manual_page(const CLI::App& app, const Manual& manual, const std::string& version) {
  const std::string& program = manual.program;
  std::string summary = app.get_description();
  summary[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(summary[0])));
  std::string out = fmt::format(".TH {} 1 \"\" {} {}\n", quoted(program), quoted("cnn-train " + version),
                                quoted("User Commands"));
  out += section("NAME") + fmt::format("{} \\- {}\n", roff(program), roff(summary));
  out += section("SYNOPSIS");
  for (const std::string& use : manual.synopsis)
    out += fmt::format("\\fB{}\\fR {}\n.br\n", roff(program), roff(use));
  out += section("DESCRIPTION");
  for (const std::string& paragraph : manual.description) out += fmt::format(".PP\n{}\n", roff(paragraph));
  out += section("OPTIONS");
  for (const Manual::Group& group : manual.groups) {
    out += fmt::format(".SS {}\n", quoted(group.title));
    for (const CLI::Option* option : options_of(app, group)) out += option_item(*option);
  }
  out += items("EXIT STATUS", manual.exit_status);
  out += items("FILES", manual.files);
  out += items(
      "ENVIRONMENT",
      {{"CNN_SIMD",
        "Forces an instruction set: avx512, avx2 or sse4; neon on ARM64. --version names the one in use."}});
  if (!manual.examples.empty()) out += section("EXAMPLES");
  for (const Manual::Item& example : manual.examples)
    out += fmt::format(".PP\n{}\n.RS\n.nf\n\\fB{}\\fR\n.fi\n.RE\n", roff(example.text), roff(example.term));
  out += section("SEE ALSO");
  for (std::size_t i = 0; i < manual.see_also.size(); ++i)
    out +=
        fmt::format("\\fB{}\\fR(1){}\n", roff(manual.see_also[i]), i + 1 < manual.see_also.size() ? "," : "");
  return out;
}

}  // namespace cnn
