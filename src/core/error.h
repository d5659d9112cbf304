#pragma once

#include <spdlog/fmt/fmt.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace cnn {

/// What the program's exit status says about a failure.
enum class ExitCode {
  done = 0,
  run_failed = 1,      ///< data, files, or the run itself
  bad_usage = 2,       ///< command line or config, impossible shapes and sizes included
  below_accuracy = 3,  ///< cnn-eval --min-accuracy
  hung_up = 129,       ///< SIGHUP (the terminal is gone), after saving
  interrupted = 130,   ///< SIGINT, after saving
  terminated = 143,    ///< SIGTERM, after saving
};

/// A fault of the user's input, data or machine. what() is complete: where, what was found, what was
/// expected, and how to fix it. run_program() prints it and ends the program; whoever catches it before can
/// go on without what failed, or knows more about the place.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

/// An Error of the run: data, files, numbers (exit 1). Arguments as for fmt::format.
template <class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(ExitCode::run_failed, fmt::format(format, std::forward<Args>(args)...));
}

/// An Error of the command line or the config (exit 2).
template <class... Args>
[[noreturn]] void fail_usage(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(ExitCode::bad_usage, fmt::format(format, std::forward<Args>(args)...));
}

/// A fault of the programmer: prints file, line, condition and message, and aborts.
[[noreturn]] void check_failed(const char* file, int line, const char* condition, const std::string& message);

/// Calls body(); what it throws as Error ends the program with `code`: a fault of a file may be one of the
/// command line that names it.
template <class Body>
auto with_exit_code(ExitCode code, Body&& body) {
  try {
    return body();
  } catch (const Error& error) {
    throw Error(code, error.what());
  }
}

}  // namespace cnn

/// Always-on check at the edges of an API. The message takes fmt::format arguments: print the values.
#define CNN_CHECK(condition, ...) \
  ((condition) ? void() : ::cnn::check_failed(__FILE__, __LINE__, #condition, ::fmt::format(__VA_ARGS__)))

/// The same inside kernels: only in debug builds.
#ifdef NDEBUG
#define CNN_DEBUG_CHECK(condition, ...) ((void)0)
#else
#define CNN_DEBUG_CHECK(condition, ...) CNN_CHECK(condition, __VA_ARGS__)
#endif
