#include "apps/command_line.h"

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>

#include "core/error.h"
#include "core/text.h"
#include "kernels/simd.h"
#include "report/terminal.h"

namespace cnn {

void add_version(CLI::App& app, const std::string& program) {
  app.set_version_flag(
      "--version",
      [program] {
        use_instruction_set_from_environment();
        return fmt::format("{} {} ({}; this machine runs {})", program, CNN_VERSION, instruction_set(),
                           join(supported_instruction_sets()));
      },
      "Print the version and the instruction set in use");
}

namespace {

/// --help with descriptions broken at words, as wide as the terminal.
class WrappedHelp final : public CLI::Formatter {
 public:
  std::string make_option_desc(const CLI::Option* option) const override {
    const int width = terminal_of(STDOUT_FILENO).columns - static_cast<int>(get_column_width());
    return wrapped(CLI::Formatter::make_option_desc(option), width);
  }
};

/// What is wrong with the number of an option's values, or "" if the error does not begin with its name.
std::string wrong_count(const CLI::App& app, const std::string& error) {
  const std::string name = error.substr(0, error.find(':'));
  const CLI::Option* option = app.get_option_no_throw(name);
  if (!option) return "";
  const int given = static_cast<int>(option->results().size()), least = option->get_items_expected_min();
  if (given > option->get_items_expected_max())
    return fmt::format("{} is given {} times and takes one value", name, given);
  return fmt::format("{} needs {}: {}", name, least > 1 ? fmt::format("{} values", least) : "a value",
                     option->get_description());
}

}  // namespace

int run_program(CLI::App& app, int argc, char** argv, const std::function<int()>& body) {
  const auto report = [&](const std::string& message) {
    fmt::print(stderr, "{}: {}\n", app.get_name(), without_json_names(message));
  };
  app.formatter(std::make_shared<WrappedHelp>());
  try {
    app.parse(argc, argv);
    use_instruction_set_from_environment();
    std::signal(SIGXFSZ, SIG_IGN);  // a file that gets too large is an error of the write that met it
    const int code = body();
    // A result that was not written is no success.
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
    report(fmt::format("cannot write to standard output: {}", std::strerror(errno)));
    return static_cast<int>(ExitCode::run_failed);
  } catch (const CLI::Success& success) {  // --help, --version
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    std::string message = error.what();
    if (dynamic_cast<const CLI::ArgumentMismatch*>(&error))
      if (const std::string clearer = wrong_count(app, message); !clearer.empty()) message = clearer;
    // An option that does not exist: say which one was probably meant.
    if (dynamic_cast<const CLI::ExtrasError*>(&error)) {
      std::vector<std::string> names;
      for (const CLI::Option* option : app.get_options())
        for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
      for (int i = 1; i < argc; ++i) {
        const std::string word = std::string(argv[i]).substr(0, std::string(argv[i]).find('='));
        if (word.starts_with("--") && std::find(names.begin(), names.end(), word) == names.end())
          message = fmt::format("there is no option {}{}", printable(word), did_you_mean(word, names));
      }
    }
    report(message + fmt::format("\nRun {} --help for the options.", app.get_name()));
    return static_cast<int>(ExitCode::bad_usage);
  } catch (const Error& error) {
    report(error.what());
    return static_cast<int>(error.code());
  } catch (const std::bad_alloc&) {
    report("out of memory; use a smaller batch_size or network");
  } catch (const std::exception& error) {
    report(std::ferror(stdout) != 0 ? fmt::format("standard output: {}", error.what()) : error.what());
  }
  return static_cast<int>(ExitCode::run_failed);
}

}  // namespace cnn
