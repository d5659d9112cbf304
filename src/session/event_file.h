#pragma once

#include <spdlog/logger.h>

#include <filesystem>
#include <optional>

#include "report/canvas.h"
#include "train/epoch_result.h"

namespace cnn {

/// A file in the run folder for TensorBoard, one for each start of the training: what metrics.csv says of the
/// epochs since then, and the sheet of training images.
class EventFile {
 public:
  /// first_epoch: the first one that will be added; above 1 the training was resumed. Throws Error.
  EventFile(const std::filesystem::path& folder, int first_epoch);

  /// Throw Error.
  void add(const EpochResult& epoch);
  void add_sheet(const Canvas& sheet);

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// A new event file with the sheet in it; nothing, after a warning, if it cannot be written.
std::optional<EventFile> begin_events(const std::filesystem::path& folder, int first_epoch,
                                      const Canvas& sheet, spdlog::logger& log);

}  // namespace cnn
