#include "apps/completion.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

namespace cnn {
namespace {

/// What a shell proposes for a value.
struct Proposal {
  enum class Kind { nothing, files, folders, words } kind = Kind::nothing;
  std::string ending = {};  ///< of files, without the dot; "": any
  std::string words = {};   ///< separated by blanks
};

/// By the word for the value: "CONFIG.json", "FOLDER|FILE...", "flip|none".
Proposal proposal(const std::string& value) {
  using Kind = Proposal::Kind;
  const auto has = [&](const char* word) { return value.find(word) != std::string::npos; };
  if (const std::size_t dot = value.rfind('.'); dot != std::string::npos && !value.ends_with('.'))
    if (value.find('|') == std::string::npos) return {Kind::files, value.substr(dot + 1)};
  if (has("FILE") || has("IMAGE")) return {Kind::files};
  if (has("FOLDER")) return {Kind::folders};
  if (!has("|")) return {};
  std::string words = value;
  std::replace(words.begin(), words.end(), '|', ' ');
  return {.kind = Kind::words, .words = words};
}

struct Completed {
  std::string name, description;
  std::vector<std::string> values;  ///< the word for each value that it takes; the last one may repeat
  bool repeats = false, optional = false;
};

std::vector<Completed> completed_options(const CLI::App& app) {
  std::vector<Completed> all;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;  // hidden
    Completed entry{"--" + option->get_lnames().front(), option->get_description(), {}};
    entry.repeats = option->get_items_expected_max() > 2;
    std::string values = option->get_option_text();
    entry.optional = values.starts_with('[');
    for (std::size_t begin = 0; begin < values.size();) {
      const std::size_t end = std::min(values.find(' ', begin), values.size());
      entry.values.push_back(values.substr(begin, end - begin));
      begin = end + 1;
    }
    all.push_back(std::move(entry));
  }
  return all;
}

/// The clause of a description that says what the option is for, for a list in a terminal.
std::string in_short(const std::string& description) {
  return description.substr(0, std::min(description.find(';'), description.find(" (")));
}

std::string bash_proposal(const Proposal& proposal) {
  switch (proposal.kind) {
    case Proposal::Kind::words:
      return fmt::format("mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$current\")", proposal.words);
    case Proposal::Kind::folders:
      return "_files=1; mapfile -t COMPREPLY < <(compgen -d -- \"$current\")";
    case Proposal::Kind::files:
      if (proposal.ending.empty()) return "_files=1; mapfile -t COMPREPLY < <(compgen -f -- \"$current\")";
      return fmt::format(
          "_files=1; mapfile -t COMPREPLY < <(compgen -f -X '!*.{}' -- \"$current\"; compgen -d -- "
          "\"$current\")",
          proposal.ending);
    default:
      return ":";
  }
}

std::string zsh_action(const Proposal& proposal) {
  switch (proposal.kind) {
    case Proposal::Kind::words:
      return "(" + proposal.words + ")";
    case Proposal::Kind::folders:
      return "_files -/";
    case Proposal::Kind::files:
      return proposal.ending.empty() ? "_files" : fmt::format("_files -g \"*.{}\"", proposal.ending);
    default:
      return " ";
  }
}

/// Inside a quoted specification of zsh's _arguments, brackets and colons end a part.
std::string zsh_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
      continue;
    }
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string bash_completion(const CLI::App& app) {
  const std::string program = app.get_name();
  std::string function = "_" + program, names, cases;
  std::replace(function.begin(), function.end(), '-', '_');
  for (const Completed& option : completed_options(app)) {
    names += (names.empty() ? "" : " ") + option.name;
    if (option.optional) continue;  // the next option may follow
    for (std::size_t i = 0; i < option.values.size(); ++i) {
      const bool any = option.values[i].find("...") != std::string::npos;
      cases += fmt::format("    {}:{}) {} ;;\n", option.name, any ? "*" : std::to_string(i),
                           bash_proposal(proposal(option.values[i])));
    }
  }
  return fmt::format(R"(# Completion of {0} in bash, written by {0} itself.
{1}() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} word option= values=0 _files=
  # "--option=value" are three words here.
  [[ $current == = ]] && current=
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    if [[ $word == --* ]]; then
      option=$word values=0
    elif [[ $word != = ]]; then
      ((++values))
    fi
  done
  COMPREPLY=()
  [[ $current == -* ]] && option=
  case $option:$values in
{2}    *) mapfile -t COMPREPLY < <(compgen -W '{3}' -- "$current") ;;
  esac
  [[ -z $_files ]] || compopt -o filenames 2>/dev/null
  return 0
}}
complete -F {1} {0}
)",
                     program, function, cases, names);
}

std::string zsh_completion(const CLI::App& app) {
  const std::string program = app.get_name();
  std::string out =
      fmt::format("#compdef {0}\n# Completion of {0} in zsh, written by {0} itself.\n_arguments -s", program);
  for (const Completed& option : completed_options(app)) {
    std::string values;
    for (const std::string& value : option.values)
      values +=
          fmt::format(":{}{}:{}", option.optional ? ":" : "", zsh_text(value), zsh_action(proposal(value)));
    out += fmt::format(" \\\n  '{}{}{}[{}]{}'", option.repeats ? "*" : "", option.name,
                       option.values.size() == 1 ? "=" : "", zsh_text(in_short(option.description)), values);
    if (option.repeats && option.values.size() == 1 && option.values[0].find("...") != std::string::npos)
      out +=
          fmt::format(" \\\n  '*:{}:{}'", zsh_text(option.values[0]), zsh_action(proposal(option.values[0])));
  }
  return out + "\n";
}

}  // namespace cnn
