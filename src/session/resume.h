#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cluster/cluster.h"
#include "core/thread_pool.h"
#include "session/interruption.h"
#include "session/training_data.h"
#include "session/training_run.h"
#include "session/voice.h"

namespace cnn {

struct ResumeOptions {
  std::filesystem::path folder;        ///< of the run
  std::vector<std::string> overrides;  ///< as after --set
  int threads = 1;
};

/// Continues the run in a folder. Returns the exit code. Throws Error: exit 2 if it is not a run folder, or
/// for changes of the config that a run cannot take; exit 1 if the data has changed.
int resume(const ResumeOptions& options, const Voice& voice, Cluster& cluster = alone());

/// The data of a config, opened when it is wanted.
using OpenData = std::function<const OpenedData&(const DataSpec&)>;

/// The same with what several runs can share, and without printing the result. Ignores options.threads. If
/// nothing is left to do, says so on stdout and returns nothing. Only process 0 needs the folder.
std::optional<TrainingOutcome> resume_run(const ResumeOptions& options, const OpenData& open_data,
                                          ThreadPool& pool, const Voice& voice, Interruption& interruption,
                                          Cluster& cluster = alone());

}  // namespace cnn
