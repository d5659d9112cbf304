#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

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

/// Goes on with the run in a folder. Returns the exit code. Throws Error: exit 2 for what is no run folder
/// and for changes of the config that what was trained so far does not bear; exit 1 for data that has
/// changed.
int resume(const ResumeOptions& options, const Voice& voice);

/// The data of a config, opened when it is wanted.
using OpenData = std::function<const OpenedData&(const DataSpec&)>;

/// The same without a word about the result, and with what several runs can share. options.threads is not
/// looked at. Nothing, said on stdout, if nothing was left to do.
std::optional<TrainingOutcome> resume_run(const ResumeOptions& options, const OpenData& open_data,
                                          ThreadPool& pool, const Voice& voice, Interruption& interruption);

}  // namespace cnn
