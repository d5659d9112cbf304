#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace cnn {

/// What --help, the manual page and the shell completions say of a program beyond its options' descriptions.
struct Manual {
  /// Options under one heading, in the order in which they are listed. Each with the word for its value,
  /// which also says what a shell proposes: "--config CONFIG.json" files with that ending and folders, FILE
  /// and IMAGE any file, FOLDER folders. Where an option takes one of several words, they stand for the value
  /// instead.
  struct Group {
    std::string title;
    std::vector<std::string> options;
  };
  struct Item {
    std::string term, text;
  };
  std::string program;
  std::vector<std::string> synopsis;  ///< a line for each way to call it, without the program's name
  std::vector<Group> groups;
  std::vector<std::string> description;  ///< paragraphs
  std::vector<Item> exit_status, files, examples;
  std::vector<std::string> see_also;  ///< other programs
};

/// The manual of "cnn-train", "cnn-eval", "cnn-inspect" or "cnn-export".
const Manual& manual_of(const std::string& program);

/// Gives every option of `app` its group and the word for its value. Aborts if the manual leaves out an
/// option or has one that `app` does not. Options that take a value then refuse an empty one.
void arrange_options(CLI::App& app, const Manual& manual);

/// The options of a group, for --help and the page.
std::vector<const CLI::Option*> options_of(const CLI::App& app, const Manual::Group& group);

/// The manual page in roff, section 1. `version`: of the program.
std::string manual_page(const CLI::App& app, const Manual& manual, const std::string& version);

}  // namespace cnn
