#pragma once

#include <filesystem>

#include "cluster/cluster.h"
#include "config/config.h"
#include "core/thread_pool.h"
#include "session/interruption.h"
#include "session/resume.h"
#include "session/training_data.h"
#include "session/voice.h"
#include "train/run_folder.h"

namespace cnn {

/// cnn-train --seeds: trains `seeds` times, with config.seed, config.seed + 1, ..., each into a folder of its
/// own in the folder that process 0 claims, and says how much the result depends on the seed. Stops at the
/// first run that does not finish; finished runs and their summary stay.
///
/// In a cluster each process trains whole runs, in rounds, and all must see the folder.
ExitCode train_seeds(const Document& document, const Config& config, const OpenedData& opened,
                     ThreadPool& pool, const ClaimFolder& claim, int seeds, const Voice& voice,
                     Interruption& interruption, Cluster& cluster = alone());

/// Whether train_seeds made this folder.
bool is_folder_of_seeds(const std::filesystem::path& folder);

/// Finishes what train_seeds began there: the unfinished run, and those that had not begun. Returns the exit
/// code. Throws Error as resume() does.
int resume_seeds(const ResumeOptions& options, const Voice& voice, Cluster& cluster = alone());

}  // namespace cnn
