#pragma once

#include <spdlog/fmt/fmt.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace cnn {

// The only way to stdout and stderr. Nothing here throws or ends the program: stderr carries messages, and
// work does not depend on whether somebody can read them; a fault of stdout is kept until the end.

/// To be called first in main(). A standard stream that is closed gets something in its place that cannot be
/// read or written: else the next file to be opened would have its number, and its content. A pipe without a
/// reader (SIGPIPE) or a file that grows too large (SIGXFSZ) makes a write fail and nothing else.
void guard_standard_streams();

/// Writes to stdout; to stderr.
void write_out(std::string_view text);
void write_err(std::string_view text);

/// The same with arguments as for fmt::format.
template <class... Args>
void print_out(fmt::format_string<Args...> format, Args&&... args) {
  write_out(fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void print_err(fmt::format_string<Args...> format, Args&&... args) {
  write_err(fmt::format(format, std::forward<Args>(args)...));
}

/// Writes out what is still in memory.
void flush_out();
/// Why something could not be written to stdout, if so: "No space left on device". Flushes nothing.
std::optional<std::string> output_fault();

/// Says that whatever stdout gets is also in this folder: to lose it there is no failure of the program.
void results_are_in(const std::string& folder);
/// That folder, or "".
std::string folder_of_results();

}  // namespace cnn
