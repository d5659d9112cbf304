#include "session/interruption.h"

#include <unistd.h>

#include <csignal>
#include <string_view>

#include "cluster/messages.h"

namespace cnn {
namespace {

std::atomic<bool> work_has_begun{true}, stop_requested{false}, save_requested{false}, is_silent{false};
std::atomic<int> received{0};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free,
              "set by a signal handler");

ExitCode exit_code_of(int number) {
  return number == SIGHUP    ? ExitCode::hung_up
         : number == SIGTERM ? ExitCode::terminated
                             : ExitCode::interrupted;
}

void on_stop(int number) {
  if (!work_has_begun) {
    constexpr std::string_view kMessage = "\ninterrupted before the training began; nothing was lost\n";
    if (!is_silent) {
      [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, kMessage.data(), kMessage.size());
    }
    ::_exit(static_cast<int>(exit_code_of(number)));
  }
  received = number;
  stop_requested = true;
}

void on_save(int) { save_requested = true; }

void handle(int number, void (*handler)(int), int flags) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = flags | SA_RESTART;
  sigaction(number, &action, nullptr);
}

bool is_ignored(int number) {
  struct sigaction action {};
  sigaction(number, nullptr, &action);
  return action.sa_handler == SIG_IGN;
}

}  // namespace

Interruption::Interruption(Work work, bool silent) {
  work_has_begun = work == Work::begun;
  is_silent = silent;
  stop_requested = save_requested = false;
  received = 0;
  for (const int number : {SIGINT, SIGTERM, SIGHUP})
    if (number != SIGHUP || !is_ignored(SIGHUP))                // nohup's, as opposed to a script's "&"
      handle(number, on_stop, static_cast<int>(SA_RESETHAND));  // the second one has its default effect
  handle(SIGUSR1, on_save, 0);
}

Interruption::~Interruption() {
  for (const int number : {SIGINT, SIGTERM, SIGUSR1}) std::signal(number, SIG_DFL);
  if (!is_ignored(SIGHUP)) std::signal(SIGHUP, SIG_DFL);
}

void Interruption::begin_work() { work_has_begun = true; }

const std::atomic<bool>& Interruption::requested() const { return stop_requested; }

bool Interruption::take_save_request() { return save_requested.exchange(false); }

void Interruption::agree(Cluster& cluster) {
  for (const int number : gathered(cluster, received.load())) {
    if (number == 0) continue;
    received = number;
    stop_requested = true;
    return;
  }
}

ExitCode Interruption::exit_code() const { return exit_code_of(received); }

}  // namespace cnn
