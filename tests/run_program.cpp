#include "run_program.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

namespace cnn {
namespace {

/// Both ends close on exec, so that no child holds another child's pipe open.
struct Pipe {
  Pipe() {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error(std::string("pipe: ") + std::strerror(errno));
    read = ends[0], write = ends[1];
    ::fcntl(read, F_SETFD, FD_CLOEXEC);
    ::fcntl(write, F_SETFD, FD_CLOEXEC);
  }
  ~Pipe() {
    if (read >= 0) ::close(read);
    if (write >= 0) ::close(write);
  }
  int take_read() { return std::exchange(read, -1); }
  void close_write() { ::close(std::exchange(write, -1)); }
  int read = -1, write = -1;
};

std::vector<std::string> environment_with(const std::vector<std::pair<std::string, std::string>>& additions) {
  std::vector<std::string> lines;
  for (char** line = environ; *line; ++line) {
    const std::string text = *line;
    const bool replaced = std::any_of(additions.begin(), additions.end(), [&](const auto& addition) {
      return text.compare(0, addition.first.size() + 1, addition.first + "=") == 0;
    });
    if (!replaced) lines.push_back(text);
  }
  for (const auto& [name, value] : additions) lines.push_back(name + "=" + value);
  return lines;
}

/// What exec wants: pointers into `strings`, then a null.
std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (std::string& text : strings) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

}  // namespace

std::string ProgramResult::description() const {
  const std::string end = timed_out ? "killed, out of time"
                          : signal  ? "ended by signal " + std::to_string(signal)
                                    : "exit code " + std::to_string(exit_code);
  return end + "\n--- stdout\n" + out + "--- stderr\n" + err;
}

std::filesystem::path program_path(const std::string& name) {
  return std::filesystem::path(CNN_PROGRAM_DIR) / name;
}

std::string on_path(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (std::filesystem::exists(std::filesystem::path(folder) / name))
      return (std::filesystem::path(folder) / name).string();
  return "";
}

RunningProgram::RunningProgram(const std::filesystem::path& program,
                               const std::vector<std::string>& arguments, const ProgramOptions& options)
    : deadline_(std::chrono::steady_clock::now() + options.timeout) {
  // Everything that allocates happens before the fork: the test may have threads, and between fork and exec
  // only async-signal-safe calls are allowed.
  std::vector<std::string> words = {program.string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<std::string> lines = environment_with(options.environment);
  const std::vector<char*> argv = pointers(words), envp = pointers(lines);
  const std::string folder = options.working_folder.string();
  const bool drop = options.as_nobody && ::geteuid() == 0;
  Pipe out, err, failure;

  child_ = ::fork();
  if (child_ < 0) throw std::runtime_error(std::string("fork: ") + std::strerror(errno));
  if (child_ == 0) {
    const int nothing = ::open("/dev/null", O_RDONLY);
    const bool may_run =
        !drop || (::setgroups(0, nullptr) == 0 && ::setgid(kNobody) == 0 && ::setuid(kNobody) == 0);
    if (may_run && nothing >= 0 && ::dup2(nothing, STDIN_FILENO) >= 0 &&
        ::dup2(out.write, STDOUT_FILENO) >= 0 && ::dup2(err.write, STDERR_FILENO) >= 0 &&
        (folder.empty() || ::chdir(folder.c_str()) == 0)) {
      ::execve(argv[0], argv.data(), envp.data());
    }
    const int reason = errno;
    [[maybe_unused]] const ssize_t written = ::write(failure.write, &reason, sizeof reason);
    ::_exit(127);
  }
  out.close_write(), err.close_write(), failure.close_write();
  // The pipe closes with a successful exec; otherwise the reason comes through it.
  int reason = 0;
  ssize_t count;
  do count = ::read(failure.read, &reason, sizeof reason);
  while (count < 0 && errno == EINTR);
  if (count == sizeof reason) {
    ::waitpid(child_, nullptr, 0);
    throw std::runtime_error("cannot run " + program.string() + ": " + std::strerror(reason));
  }
  out_ = out.take_read(), err_ = err.take_read();
}

RunningProgram::~RunningProgram() {
  if (out_ >= 0) ::close(out_);
  if (err_ >= 0) ::close(err_);
  if (child_ >= 0) {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
}

void RunningProgram::send(int signal) {
  if (child_ >= 0) ::kill(child_, signal);
}

bool RunningProgram::read_more() {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline_ - std::chrono::steady_clock::now());
  if ((out_ < 0 && err_ < 0) || left.count() <= 0) return false;
  // poll skips descriptors that are negative.
  std::array<pollfd, 2> ready = {pollfd{out_, POLLIN, 0}, pollfd{err_, POLLIN, 0}};
  if (::poll(ready.data(), ready.size(), static_cast<int>(std::min<long long>(left.count(), 1 << 30))) < 0)
    return errno == EINTR;
  const auto read_into = [](const pollfd& source, int& descriptor, std::string& text) {
    if (!source.revents) return;
    std::array<char, 1 << 14> buffer;
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count > 0) {
      text.append(buffer.data(), count);
    } else if (count == 0 || errno != EINTR) {
      ::close(std::exchange(descriptor, -1));
    }
  };
  read_into(ready[0], out_, result_.out);
  read_into(ready[1], err_, result_.err);
  return true;
}

bool RunningProgram::wait_for_stderr(const std::string& text) {
  while (result_.err.find(text) == std::string::npos)
    if (err_ < 0 || !read_more()) return false;
  return true;
}

ProgramResult RunningProgram::wait() {
  while (read_more()) {
  }
  int status = 0;
  pid_t ended = 0;
  while ((ended = ::waitpid(child_, &status, WNOHANG)) == 0) {
    if (std::chrono::steady_clock::now() >= deadline_) {
      result_.timed_out = true;
      ::kill(child_, SIGKILL);
      ended = ::waitpid(child_, &status, 0);
      break;
    }
    // It has closed its outputs, so the end is near.
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (ended != child_) throw std::runtime_error(std::string("waitpid: ") + std::strerror(errno));
  child_ = -1;
  if (WIFEXITED(status)) result_.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result_.signal = WTERMSIG(status);
  return result_;
}

ProgramResult run_program(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                          const ProgramOptions& options) {
  return RunningProgram(program, arguments, options).wait();
}

}  // namespace cnn
