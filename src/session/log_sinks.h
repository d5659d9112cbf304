#pragma once

#include <spdlog/sinks/base_sink.h>

#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace cnn {

/// Messages to stderr. One that cannot be written is lost, and that is all.
class StderrSink final : public spdlog::sinks::base_sink<std::mutex> {
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {}
};

/// Messages to the end of a file. One that cannot be written is lost: on_fault, which must not log here, gets
/// the reason, once until a message can be written again. Throws Error if the file cannot be opened: then
/// nothing is lost yet.
class LogFileSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  LogFileSink(std::filesystem::path path, std::function<void(const std::string&)> on_fault);

 private:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {}
  bool write(std::string_view text);

  const std::filesystem::path path_;
  const std::function<void(const std::string&)> on_fault_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
  bool failed_ = false;
};

}  // namespace cnn
