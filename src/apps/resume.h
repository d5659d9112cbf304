#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "apps/training_commentary.h"

namespace cnn {

struct ResumeOptions {
  std::filesystem::path folder;        ///< of the run
  std::vector<std::string> overrides;  ///< as after --set
  int threads = 1;
  bool quiet = false;
  LayerStatisticsRequest layers;
};

/// Goes on with the run in a folder. Returns the exit code. Throws Error: exit 2 for what is no run folder
/// and for changes of the config that what was trained so far does not bear; exit 1 for data that has
/// changed.
int resume(const ResumeOptions& options);

}  // namespace cnn
