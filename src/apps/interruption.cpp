#include "apps/interruption.h"

#include <csignal>

namespace cnn {
namespace {

std::atomic<bool> stop_requested{false};
std::atomic<int> received{0};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free,
              "set by a signal handler");

void on_signal(int number) {
  received = number;
  stop_requested = true;
}

}  // namespace

Interruption::Interruption() {
  stop_requested = false;
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);  // the second one has its default effect
  for (const int number : {SIGINT, SIGTERM}) sigaction(number, &action, nullptr);
}

Interruption::~Interruption() {
  for (const int number : {SIGINT, SIGTERM}) std::signal(number, SIG_DFL);
}

const std::atomic<bool>& Interruption::requested() const { return stop_requested; }

ExitCode Interruption::exit_code() const {
  return received == SIGTERM ? ExitCode::terminated : ExitCode::interrupted;
}

}  // namespace cnn
