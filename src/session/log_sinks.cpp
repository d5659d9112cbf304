#include "session/log_sinks.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "core/standard_streams.h"
#include "core/text.h"

namespace cnn {

void StderrSink::sink_it_(const spdlog::details::log_msg& message) {
  spdlog::memory_buf_t text;
  formatter_->format(message, text);
  write_err({text.data(), text.size()});
}

LogFileSink::LogFileSink(std::filesystem::path path, std::function<void(const std::string&)> on_fault)
    : path_(std::move(path)),
      on_fault_(std::move(on_fault)),
      file_(std::fopen(path_.c_str(), "abe"), std::fclose) {
  if (!file_) fail("{}: cannot write: {}", printable(path_.string()), std::strerror(errno));
  std::setvbuf(file_.get(), nullptr, _IONBF, 0);  // a message is written or lost, but never late
}

void LogFileSink::sink_it_(const spdlog::details::log_msg& message) {
  spdlog::memory_buf_t text;
  formatter_->format(message, text);
  const bool failed_before = failed_;
  failed_ = !write({text.data(), text.size()});
  if (failed_ && !failed_before)
    on_fault_(fmt::format("{}: cannot write: {}; the work goes on, and the log has a gap",
                          printable(path_.string()), std::strerror(errno)));
}

bool LogFileSink::write(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), file_.get()) == text.size()) return true;
  std::clearerr(file_.get());
  return false;
}

}  // namespace cnn
