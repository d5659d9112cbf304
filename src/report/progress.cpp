#include "report/progress.h"

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "core/clock.h"
#include "core/standard_streams.h"
#include "core/text.h"
#include "report/terminal.h"
#include "report/text_columns.h"

namespace cnn {
namespace {

/// Often enough to look alive, rarely enough to cost nothing; a log gets a line every half minute.
constexpr double kTerminalSeconds = 0.1, kLogSeconds = 30;
/// Seconds after which the time left is more than a guess.
constexpr double kTooEarly = 0.2;
constexpr int kBarWidth = 24, kNarrowestBar = 6;

/// Whether stderr is a terminal that can draw over a line.
bool draws_over() {
  const char* term = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) && term && std::string_view(term) != "dumb";
}

std::string bar(std::int64_t done, std::int64_t total, int width, bool unicode) {
  const auto filled = static_cast<int>(done * width / total);
  std::string text;
  for (int i = 0; i < width; ++i)
    text += i < filled ? (unicode ? "━" : "=") : i == filled ? (unicode ? "╸" : ">") : " ";
  return text;
}

}  // namespace

bool color_on_stderr() {
  const char* no_color = std::getenv("NO_COLOR");
  return draws_over() && !(no_color && *no_color);
}

ProgressLine::ProgressLine(std::string what, std::int64_t total, bool quiet)
    : what_(std::move(what)), total_(total), quiet_(quiet), terminal_(draws_over()), start_(now_seconds()) {
  last_ = terminal_ ? 0 : start_;
}

ProgressLine::~ProgressLine() { clear(); }

bool ProgressLine::due(std::int64_t done) const {
  if (quiet_) return false;
  const double now = now_seconds();
  return terminal_ ? now - last_ >= kTerminalSeconds || (done == total_ && total_ > 0)
                   : now - last_ >= kLogSeconds;
}

void ProgressLine::update(std::int64_t done, const std::string& detail) {
  if (!due(done)) return;
  last_ = now_seconds();
  const std::string text = state(done, detail);
  if (!terminal_) {
    print_err("{}: {}\n", what_, text);
    return;
  }
  // The bar takes what is left of the line; a line that wraps could not be drawn over.
  const auto columns = static_cast<std::size_t>(std::max(terminal_columns(STDERR_FILENO), 2) - 1);
  const std::size_t taken = width_of(what_) + width_of(text) + 2;
  const int width =
      taken < columns && total_ > 0 ? std::min(kBarWidth, static_cast<int>(columns - taken)) : 0;
  const std::string line =
      width < kNarrowestBar
          ? what_ + " " + text
          : what_ + " " + bar(done, total_, width, terminal_of(STDERR_FILENO).unicode) + " " + text;
  print_err("\r\x1b[K{}", cut(line, columns));
  drawn_ = true;
}

std::string ProgressLine::state(std::int64_t done, const std::string& detail) const {
  if (total_ <= 0) return fmt::format("{} {}", with_commas(done), detail);
  const double elapsed = last_ - start_;
  const std::string text = fmt::format("{}/{} {}", done, total_, detail);
  if (done == 0 || elapsed < kTooEarly) return text;
  const double left = elapsed / static_cast<double>(done) * static_cast<double>(total_ - done);
  return fmt::format("{}{}ETA {}", text, detail.empty() ? "" : "  ", human_seconds(left));
}

void ProgressLine::clear() {
  if (!drawn_) return;
  write_err("\r\x1b[K");
  drawn_ = false;
}

}  // namespace cnn
