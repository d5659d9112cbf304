#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace cnn {

/// Scripts that complete the options of `app` and their values: files, folders or words, by the word that
/// stands for the value (see Manual::Group). For a folder in which bash-completion looks, as <program>; ...
std::string bash_completion(const CLI::App& app);
/// ... and for a folder of zsh's fpath, as _<program>.
std::string zsh_completion(const CLI::App& app);

}  // namespace cnn
