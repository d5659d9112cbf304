#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

namespace cnn {

/// What every program's command line has: --version, which also names the instruction set in use.
void add_version(CLI::App& app, const std::string& program);

/// Parses and runs. The exit code: what `body` returns; 0 after --help and --version; 2 for a bad command
/// line, with the message and a hint at --help on stderr; else that of the Error. Exceptions that no other
/// code handles end here. silent: says nothing itself, because another process does.
int run_program(CLI::App& app, int argc, char** argv, const std::function<int()>& body, bool silent = false);

}  // namespace cnn
