#pragma once

#include <CLI/CLI.hpp>
#include <span>
#include <string_view>
#include <vector>

namespace cnn {

/// A way in which a program works, and the options that have an effect in it.
struct Mode {
  std::string_view option;  ///< that chooses it, as in "--resume"; "" if none of the others does
  std::string_view nature;  ///< behind its name in messages, as in ", which continues the run as it is"
  std::vector<std::string_view> takes;  ///< beside `option`
};

/// The first mode whose option is given, or the one without an option.
const Mode& chosen_mode(const CLI::App& app, std::span<const Mode> modes);

/// Throws Error (exit 2) for a given option that has no effect in the mode: nothing is silently ignored. The
/// message names both or, where the mode has no name, the modes that the option goes with.
void check_options(const CLI::App& app, std::span<const Mode> modes, const Mode& mode);

}  // namespace cnn
