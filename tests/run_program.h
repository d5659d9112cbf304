#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace cnn {

/// How a program ended, and everything it said.
struct ProgramResult {
  int exit_code = -1;      ///< -1 if a signal ended it
  int signal = 0;          ///< the signal that ended it, or 0
  bool timed_out = false;  ///< it was killed because its time was over
  std::string out, err;

  /// For INFO: the end in words, and both outputs.
  std::string description() const;
};

struct ProgramOptions {
  std::vector<std::pair<std::string, std::string>> environment;  ///< added to ours; the same name replaces
  std::filesystem::path working_folder;                          ///< default: ours
  std::chrono::milliseconds timeout = std::chrono::minutes(5);   ///< counted from the start of the program
  bool as_nobody = false;  ///< root runs it as the user nobody, whom permissions bind; others as themselves
};

/// The numbers of the user nobody and of its group.
inline constexpr unsigned kNobody = 65534;

/// One of the project's programs, "cnn-train" for example, where this build put it.
std::filesystem::path program_path(const std::string& name);

/// The path of a program on this machine, or "".
std::string on_path(const std::string& name);

/// A child process with captured output and empty input. The output is collected only in `wait` and
/// `wait_for_stderr`; a program that says more than a pipe holds (64 KiB) stops until one of them is called.
class RunningProgram {
 public:
  /// Throws std::runtime_error with the reason if the program cannot be started.
  RunningProgram(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                 const ProgramOptions& options = {});
  /// Kills the program if nobody waited for its end.
  ~RunningProgram();
  RunningProgram(const RunningProgram&) = delete;
  RunningProgram& operator=(const RunningProgram&) = delete;

  /// SIGINT, say. Not after `wait`.
  void send(int signal);

  /// True as soon as standard error holds `text`; false if the program closed it or the time is over.
  bool wait_for_stderr(const std::string& text);

  /// Until the program ends, or is killed because its time is over. Once.
  ProgramResult wait();

 private:
  /// Reads what has come. False if nothing more will come or the time is over.
  bool read_more();

  pid_t child_ = -1;
  int out_ = -1, err_ = -1;  // our ends of the pipes; -1 once closed
  std::chrono::steady_clock::time_point deadline_;
  ProgramResult result_;
};

/// Runs a program to its end.
ProgramResult run_program(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                          const ProgramOptions& options = {});

}  // namespace cnn
