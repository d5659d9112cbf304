#include "session/event_file.h"

#include <spdlog/fmt/fmt.h>

#include <chrono>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "report/event_records.h"

namespace cnn {
namespace {

double seconds_since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

EventFile::EventFile(const std::filesystem::path& folder, int first_epoch) {
  const double now = seconds_since_1970();
  // TensorBoard reads the files of a folder in the order of their names.
  auto second = static_cast<std::int64_t>(now);
  do {
    path_ = folder / fmt::format("events.out.tfevents.{:010}.cnn-train", second++);
  } while (std::filesystem::exists(path_));
  append_to_file(path_, version_record(now) + (first_epoch > 1 ? restart_record({now, first_epoch}) : ""));
}

void EventFile::add(const EpochResult& epoch) {
  std::vector<std::pair<std::string, double>> scalars{{"loss/train", epoch.train_loss},
                                                      {"accuracy/train", epoch.train_accuracy},
                                                      {"learning_rate", epoch.learning_rate},
                                                      {"time/seconds", epoch.seconds},
                                                      {"time/images_per_second", epoch.images_per_second}};
  if (epoch.validation) {
    scalars.emplace_back("loss/validation", epoch.validation->loss());
    scalars.emplace_back("accuracy/validation", epoch.validation->accuracy());
  }
  for (const LayerActivity& layer : epoch.activity)
    scalars.emplace_back("active/" + layer.layer, layer.active_fraction);
  append_to_file(path_, scalars_record({seconds_since_1970(), epoch.epoch}, scalars));
}

std::optional<EventFile> begin_events(const std::filesystem::path& folder, int first_epoch,
                                      const Canvas& sheet, spdlog::logger& log) {
  try {
    EventFile events(folder, first_epoch);
    events.add_sheet(sheet);
    log.info("TensorBoard: tensorboard --logdir {}", printable(folder.string()));
    return events;
  } catch (const Error& error) {
    log.warn("warning: {}; there is no event file for TensorBoard", error.what());
    return std::nullopt;
  }
}

void EventFile::add_sheet(const Canvas& sheet) {
  append_to_file(path_, picture_record({seconds_since_1970(), 0}, "training images", sheet.height(),
                                       sheet.width(), sheet.png()));
}

}  // namespace cnn
