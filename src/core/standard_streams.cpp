#include "core/standard_streams.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace cnn {
namespace {

std::atomic<int> first_fault{0};  // an errno

std::string& results_folder() {
  static std::string folder;
  return folder;
}

void note_fault() {
  int none = 0;
  first_fault.compare_exchange_strong(none, errno != 0 ? errno : EIO);
}

}  // namespace

void guard_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(stream, F_GETFD) < 0 && errno == EBADF)  // open() takes the lowest free number: this one
      ::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

void write_out(std::string_view text) {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) note_fault();
}

void write_err(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

void flush_out() {
  errno = 0;
  if (std::fflush(stdout) != 0) note_fault();
}

std::optional<std::string> output_fault() {
  if (first_fault == 0 && std::ferror(stdout) != 0) errno = 0, note_fault();  // of somebody else's writing
  if (first_fault == 0) return std::nullopt;
  return std::strerror(first_fault);
}

void results_are_in(const std::string& folder) { results_folder() = folder; }
std::string folder_of_results() { return results_folder(); }

}  // namespace cnn
