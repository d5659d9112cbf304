#pragma once

#include <spdlog/logger.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "core/pace.h"
#include "session/event_file.h"
#include "train/model_file.h"
#include "train/run_folder.h"
#include "train/trainer.h"

namespace cnn {

/// Keeps tables, models and result of a run folder in step with the training. If a write fails (a full disk),
/// warns and writes at the end: a training in memory is worth more than its files.
class RunWriter {
 public:
  /// All references must outlive the writer.
  RunWriter(RunFolder& folder, const Network& network, Trainer& trainer, ModelDescription description,
            spdlog::logger& log);

  /// The files of the epochs that are done: none, or those of a checkpoint. Throws Error (exit 1).
  void begin();
  /// Tells these of every epoch, too.
  void tell(EventFile events) { events_ = std::move(events); }
  /// The last epoch's rows and models; large models so seldom that writing them takes no more than a tenth of
  /// the time.
  void add_epoch();
  /// The model as it is now. Throws Error (exit 1).
  void interrupt();
  /// Writes what is known about numbers that stopped being finite; warns if that fails.
  void add_post_mortem(const PostMortem& post_mortem);
  /// Writes what is still missing, first while the network holds the last model, then when it holds the best.
  /// Throw Error (exit 1).
  void finish_last();
  void finish_best();
  /// The network holds the last model again.
  void reopen() { best_is_loaded_ = false; }
  const std::filesystem::path& folder() const { return folder_.path(); }
  void write_result(bool finished, const std::optional<Evaluation>& test);

 private:
  void save(const char* name);
  void save_best();
  void attempt(const std::function<void()>& write);

  RunFolder& folder_;
  const Network& network_;
  Trainer& trainer_;
  const ModelDescription description_;
  spdlog::logger& log_;
  std::optional<EventFile> events_;
  bool whole_ = true;                             // whether everything so far was written, but for:
  bool last_waits_ = false, best_waits_ = false;  // models that were not written yet
  Pace models_;
  bool best_is_loaded_ = false;  // into the network, which then no longer holds the last model
};

}  // namespace cnn
