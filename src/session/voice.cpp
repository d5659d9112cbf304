#include "session/voice.h"

#include <utility>

#include "session/log_sinks.h"

namespace cnn {

Voice::Voice(bool quiet, const LayerStatisticsRequest& layers) : quiet_(quiet), layers_(layers) {
  const auto console = std::make_shared<StderrSink>();
  console->set_pattern("%v");
  console->set_level(quiet ? spdlog::level::warn : spdlog::level::info);
  log_ = std::make_shared<spdlog::logger>("cnn-train", console);
}

Voice Voice::into(std::shared_ptr<spdlog::logger> log) {
  Voice voice(true);
  voice.log_ = std::move(log);
  return voice;
}

Voice Voice::silent() const {
  Voice voice(true, layers_);
  voice.log_ = std::make_shared<spdlog::logger>("cnn-train");
  return voice;
}

Voice Voice::of_rank(int rank) const {
  Voice voice(true, layers_);
  voice.log_->set_pattern(fmt::format("rank {}: %v", rank));
  return voice;
}

Voice Voice::for_one_of_several(bool first) const {
  Voice voice = *this;
  voice.introduces_ = first;
  voice.advises_ = false;
  return voice;
}

std::unique_ptr<ProgressLine> Voice::progress(const std::string& what, std::int64_t total) const {
  return std::make_unique<ProgressLine>(what, total, quiet_);
}

RunLog::RunLog(const Voice& voice, const std::string& file) {
  const auto& console = voice.log().sinks();
  voice_ = std::make_shared<spdlog::logger>("cnn-train", console.begin(), console.end());
  const auto to_file = std::make_shared<LogFileSink>(
      file, [voice = voice_](const std::string& fault) { voice->warn("warning: {}", fault); });
  to_file->set_pattern("%Y-%m-%d %H:%M:%S  %v");
  file_ = std::make_shared<spdlog::logger>("train.log", to_file);
  both_ = std::make_shared<spdlog::logger>("cnn-train", console.begin(), console.end());
  both_->sinks().push_back(to_file);
}

}  // namespace cnn
