#include "report/progress.h"

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string_view>

#include "core/text.h"

namespace cnn {
namespace {

/// Often enough to look alive, rarely enough to cost nothing; a log gets a line every half minute.
constexpr double kTerminalSeconds = 0.1, kLogSeconds = 30;
constexpr int kBarWidth = 24;

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

bool color_on_stderr() {
  const char *no_color = std::getenv("NO_COLOR"), *term = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) && !(no_color && *no_color) && term && std::string_view(term) != "dumb";
}

ProgressLine::ProgressLine(std::string what, std::int64_t total, bool quiet)
    : what_(std::move(what)),
      total_(std::max<std::int64_t>(total, 1)),
      quiet_(quiet),
      terminal_(::isatty(STDERR_FILENO)),
      start_(now_seconds()) {
  last_ = terminal_ ? 0 : start_;
}

ProgressLine::~ProgressLine() { clear(); }

bool ProgressLine::due(std::int64_t done) const {
  if (quiet_) return false;
  const double now = now_seconds();
  return terminal_ ? now - last_ >= kTerminalSeconds || done == total_ : now - last_ >= kLogSeconds;
}

void ProgressLine::update(std::int64_t done, const std::string& detail) {
  if (!due(done)) return;
  last_ = now_seconds();
  const double elapsed = last_ - start_;
  const double left = done > 0 ? elapsed / static_cast<double>(done) * static_cast<double>(total_ - done) : 0;
  const std::string text = fmt::format("{}/{}  {}  ETA {}", done, total_, detail, human_seconds(left));
  if (!terminal_) {
    fmt::print(stderr, "{}: {}\n", what_, text);
    return;
  }
  const auto filled = static_cast<int>(done * kBarWidth / total_);
  std::string bar;
  for (int i = 0; i < kBarWidth; ++i) bar += i < filled ? "━" : i == filled ? "╸" : " ";
  fmt::print(stderr, "\r\x1b[K{} {} {}", what_, bar, text);
  std::fflush(stderr);
  drawn_ = true;
}

void ProgressLine::clear() {
  if (!drawn_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
}

}  // namespace cnn
