#include "apps/command_line.h"

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <new>

#include "apps/completion.h"
#include "apps/manual.h"
#include "core/error.h"
#include "core/standard_streams.h"
#include "core/text.h"
#include "data/decode.h"
#include "kernels/simd.h"
#include "report/terminal.h"

namespace cnn {

void add_version(CLI::App& app, const std::string& program) {
  app.set_version_flag(
      "--version",
      [program] {
        use_instruction_set_from_environment();
        return fmt::format("{} {} ({}; this machine runs {})\nreads {}", program, CNN_VERSION,
                           instruction_set(), join(supported_instruction_sets()), join(readable_formats()));
      },
      "Print the version, the instruction set in use, and the image formats that are read");
}

namespace {

/// --help by the groups of the manual, as wide as the terminal.
class WrappedHelp final : public CLI::Formatter {
 public:
  explicit WrappedHelp(const Manual& manual) : manual_(manual) {}

  std::string make_help(const CLI::App* app, std::string, CLI::AppFormatMode) const override {
    const int columns = terminal_of(STDOUT_FILENO).columns;
    std::string out = wrapped(app->get_description(), columns) + "\n\nUsage:\n";
    for (const std::string& use : manual_.synopsis) {
      std::string line = fmt::format("  {} {}", manual_.program, use);
      // An option and its value stay on one line.
      for (std::size_t i = 1; i + 1 < line.size(); ++i)
        if (line[i] == ' ' && std::isupper(static_cast<unsigned char>(line[i + 1]))) line[i] = kNoBreak;
      line = wrapped(line, columns, 6);
      std::replace(line.begin(), line.end(), kNoBreak, ' ');
      out += line + "\n";
    }
    for (const Manual::Group& group : manual_.groups)
      out += make_group(group.title, false, options_of(*app, group));
    return out + examples(columns);
  }
  std::string make_option_desc(const CLI::Option* option) const override {
    const int width = terminal_of(STDOUT_FILENO).columns - static_cast<int>(get_column_width());
    return wrapped(CLI::Formatter::make_option_desc(option), width);
  }

 private:
  /// The first two of the manual page, and where to read on.
  std::string examples(int columns) const {
    constexpr std::size_t kShown = 2;
    std::string out = "\nExamples:\n";
    for (std::size_t i = 0; i < std::min(kShown, manual_.examples.size()); ++i)
      out += fmt::format("  {}\n{}\n", manual_.examples[i].term,
                         wrapped("      " + manual_.examples[i].text, columns, 6));
    return out + "\n" +
           wrapped(
               fmt::format(
                   "Read on: man {} (or README.md); cnn-inspect --reference explains every key of a config",
                   manual_.program),
               columns) +
           "\n";
  }

  /// In place of a blank: no manual has it, and it is one column wide.
  static constexpr char kNoBreak = '~';
  const Manual& manual_;
};

/// For the build and the packager, not for users: --help does not list it.
void add_generators(CLI::App& app, const Manual& manual) {
  app.add_option_function<std::string>("--generate",
                                       [&](const std::string& what) {
                                         print_out("{}", what == "man" ? manual_page(app, manual, CNN_VERSION)
                                                         : what == "bash" ? bash_completion(app)
                                                                          : zsh_completion(app));
                                         throw CLI::Success();
                                       })
      ->check(CLI::IsMember({"man", "bash", "zsh"}))
      ->group("");
}

/// What is wrong with the number of an option's values, or "" if the error does not begin with its name.
std::string wrong_count(const CLI::App& app, const std::string& error) {
  const std::string name = error.substr(0, error.find(':'));
  const CLI::Option* option = app.get_option_no_throw(name);
  if (!option) return "";
  const int given = static_cast<int>(option->results().size()), least = option->get_items_expected_min();
  if (given > option->get_items_expected_max())
    return fmt::format("{} is given {} times, but takes one value", name, given);
  return fmt::format("{} needs {}: {}", name, least > 1 ? fmt::format("{} values", least) : "a value",
                     option->get_description());
}

}  // namespace

namespace {

/// The exit status of a program that ends with `code`, after a look at what became of stdout.
int status_with_output(int code, const std::function<void(const std::string&)>& report) {
  flush_out();
  const auto fault = output_fault();
  if (!fault) return code;
  const std::string message = fmt::format("cannot write to standard output: {}", *fault);
  if (const std::string folder = folder_of_results(); !folder.empty()) {
    report(fmt::format("warning: {}; the results are in {}", message, folder));
    return code;
  }
  report(message);
  return code == static_cast<int>(ExitCode::done) ? static_cast<int>(ExitCode::run_failed) : code;
}

}  // namespace

int run_program(CLI::App& app, int argc, char** argv, const std::function<int()>& body, bool silent) {
  guard_standard_streams();
  const auto report = [&](const std::string& message) {
    if (!silent) print_err("{}: {}\n", app.get_name(), without_json_names(message));
  };
  try {
    const Manual& manual = manual_of(app.get_name());
    arrange_options(app, manual);
    add_generators(app, manual);
    app.formatter(std::make_shared<WrappedHelp>(manual));
    app.parse(argc, argv);
    use_instruction_set_from_environment();
    return status_with_output(body(), report);
  } catch (const CLI::Success& success) {  // --help, --version
    return silent ? 0 : status_with_output(app.exit(success), report);
  } catch (const CLI::ParseError& error) {
    std::string message = error.what();
    if (dynamic_cast<const CLI::ArgumentMismatch*>(&error))
      if (const std::string clearer = wrong_count(app, message); !clearer.empty()) message = clearer;
    // An option that does not exist: say which one was probably meant.
    if (dynamic_cast<const CLI::ExtrasError*>(&error)) {
      std::vector<std::string> names;
      for (const CLI::Option* option : app.get_options())
        for (const std::string& name : option->get_lnames())
          if (!option->get_group().empty()) names.push_back("--" + name);
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
    report(error.what());
  }
  return static_cast<int>(ExitCode::run_failed);
}

}  // namespace cnn
