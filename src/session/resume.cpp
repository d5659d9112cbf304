#include "session/resume.h"

#include <spdlog/spdlog.h>

#include "cluster/messages.h"
#include "config/config.h"
#include "config/config_changes.h"
#include "core/error.h"
#include "core/file.h"
#include "core/standard_streams.h"
#include "core/text.h"
#include "session/interruption.h"
#include "session/shared_document.h"
#include "session/training_data.h"
#include "session/training_follower.h"
#include "session/training_run.h"
#include "train/checkpoint_folder.h"
#include "train/run_folder.h"
#include "train/schedule.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

/// Refuses a run folder in which a pipe or a socket stands in the place of a file: writing it could wait
/// forever.
void check_files(const fs::path& folder) {
  // What cannot be looked at is told by who reads it.
  std::error_code fault, unknown;
  constexpr auto kOptions = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator at(folder, kOptions, fault), end; !fault && at != end;
       at.increment(fault)) {
    const fs::file_status status = at->status(unknown);
    if (!fs::is_fifo(status) && !fs::is_socket(status)) continue;
    fail("{}: is a {}, expected a file of the run; remove it, or start a new run",
         printable(at->path().string()), fs::is_fifo(status) ? "pipe (FIFO)" : "socket");
  }
}

/// Refuses a path that is not a run folder, and says what it may be.
void check_folder(const fs::path& folder) {
  const std::string where = "--resume " + printable(folder.string());
  if (!fs::is_directory(status_of(folder)))
    fail_usage("{}: there is no such folder; give the folder of a run, as in runs/digits-1", where);
  if (fs::exists(status_of(folder / "config.json"))) return check_files(folder);
  std::error_code unknown;
  for (const auto& entry : fs::directory_iterator(folder, unknown))
    if (fs::exists(entry.path() / "config.json", unknown))
      fail_usage("{}: holds several runs; give the folder of one of them, for example {}", where,
                 printable(entry.path().string()));
  fail_usage(
      "{}: is not a run folder: it has no config.json. A run that was killed before it wrote one had not "
      "begun; start it again with --config",
      where);
}

/// The changes from the checkpoint's config, one per line. Refuses those that a run cannot take.
std::vector<std::string> check_changes(const Config& before, const Config& now, std::int64_t epochs_begun) {
  std::vector<std::string> lines;
  std::string refused;
  for (const ConfigChange& change : changes(before, now)) {
    const std::string line = fmt::format("{} was {} and is {}", change.key, change.from, change.to);
    if (change.effect == ResumeEffect::impossible)
      refused += "\n  " + line;
    else
      lines.push_back("changed: " + line +
                      (change.effect == ResumeEffect::from_now_on ? " from here on" : ""));
  }
  if (!refused.empty())
    fail_usage(
        "a run cannot continue with this change of the config:{}\nUndo it, or start a new run; its "
        "training.initial_weights can be a model of this one",
        refused);
  if (now.training.epochs < epochs_begun)
    fail_usage(
        "training.epochs={}: this run has begun {} epochs; give at least that number, or start a new run",
        now.training.epochs, epochs_begun);
  return lines;
}

/// Throws Error (exit 2) for --set in a finished run: nothing would read the new value.
void refuse_late_changes(const ResumeOptions& options, const std::vector<std::string>& changes) {
  if (options.overrides.empty() || changes.empty()) return;
  fail_usage(
      "{}: the run is finished, so this would have no effect:\n  {}\nAdd --set training.epochs=N to train "
      "longer, or evaluate the model with cnn-eval",
      printable(options.folder.string()), join(changes, "\n  "));
}

/// What more epochs do to a schedule that was made for fewer; "" if nothing.
std::string schedule_note(const Config& before, const Config& now, const Trainer& trainer) {
  const LearningRateSchedule was(before.training.schedule, before.training.epochs, trainer.steps_per_epoch());
  const LearningRateSchedule is(now.training.schedule, now.training.epochs, trainer.steps_per_epoch());
  const std::int64_t step = trainer.steps_done();
  if (trainer.finished() || was.factor(step) == is.factor(step)) return "";
  const double rate = trainer.learning_rate(step), base = is.factor(step) == 0 ? 0 : rate / is.factor(step);
  return fmt::format("the schedule now spans {} epochs: the learning rate continues at {:.3g}{}",
                     now.training.epochs, rate,
                     step >= was.steps() ? " (the old schedule had ended)"
                     : base > 0          ? fmt::format(" instead of {:.3g}", base * was.factor(step))
                                         : "");
}

/// The newest intact checkpoint; nothing if the run ended before its first one. Warns about damaged ones.
/// Throws Error (exit 1) if there were checkpoints and none is intact.
std::optional<Checkpoint> find_start(CheckpointFolder& checkpoints, const RunFolder& run,
                                     spdlog::logger& log) {
  CheckpointFolder::Found found = checkpoints.load();
  for (const std::string& damage : found.damaged) log.warn("warning: {}", damage);
  const std::string folder = printable(run.path().string());
  const std::string config = printable((run.path() / "config.json").string());
  if (found.newest) {
    if (!found.damaged.empty()) log.warn("warning: the other checkpoint is used instead");
    return std::move(found.newest);
  }
  if (!found.damaged.empty())
    fail(
        "{}: every checkpoint is damaged. The models of the last complete epoch are in the folder; to start "
        "over: cnn-train --config {}",
        folder, config);
  // A kill between the first epoch and its checkpoint leaves one epoch, which is trained again.
  if (run.epochs_in_tables() > 1 || final_result(run.path()))
    fail(
        "{}: epochs are done, but there is no checkpoint to continue from: checkpoint/ was removed or is "
        "empty. The models are in the folder; to start over: cnn-train --config {}",
        folder, config);
  return std::nullopt;
}

/// For the log. before: the config of the checkpoint.
std::vector<std::string> where_it_goes_on(const TrainingSetup& setup, const Config& before) {
  if (!setup.resumed()) return {"there was no checkpoint yet: the run starts over"};
  const Trainer& trainer = setup.trainer();
  std::vector<std::string> notes;
  if (std::string note = schedule_note(before, setup.config(), trainer); !note.empty())
    notes.push_back(std::move(note));
  notes.push_back(fmt::format("goes on after {} epochs and {} of {} steps", trainer.epochs_done(),
                              trainer.steps_of_epoch(), trainer.steps_per_epoch()));
  return notes;
}

/// What process 0 finds in the folder of a run, and what it keeps of it while the run goes on.
struct FoundRun {
  RunFolder folder;
  CheckpointFolder checkpoints;
  std::optional<Checkpoint> start;
};

FoundRun find_run(const ResumeOptions& options, spdlog::logger& log) {
  RunFolder folder = RunFolder::reopen(options.folder);
  CheckpointFolder checkpoints(folder.checkpoints());
  std::optional<Checkpoint> start = find_start(checkpoints, folder, log);
  return {std::move(folder), std::move(checkpoints), std::move(start)};
}

/// Whether the run has come to its end. notes: the changes of its config.
bool is_over(const FoundRun& run, const Config& config, const ResumeOptions& options,
             const std::vector<std::string>& notes) {
  const std::int64_t epochs_done = run.start->integer("epochs_done");
  if (epochs_done != config.training.epochs || !final_result(run.folder.path())) return false;
  refuse_late_changes(options, notes);
  results_are_in(printable(options.folder.string()));
  print_out("{}: all {} epochs are done; to train longer, add --set training.epochs=N\n",
            printable(options.folder.string()), epochs_done);
  return true;
}

/// The checkpoint that process 0 has found, on all.
std::optional<Checkpoint> shared_start(Cluster& cluster, const std::optional<Checkpoint>& found) {
  bool exists = found.has_value();
  broadcast_value(cluster, exists);
  if (!exists) return std::nullopt;
  return shared_checkpoint(cluster, found ? &*found : nullptr);
}

/// What the processes other than 0 do of resume_run().
std::optional<TrainingOutcome> follow_run(const OpenData& open_data, ThreadPool& pool, const Voice& voice,
                                          Interruption& interruption, Cluster& cluster) {
  const Document document = shared_document(cluster, {});
  const Config config = read_config(document);
  bool over = false;
  broadcast_value(cluster, over);
  if (over) return std::nullopt;
  const std::optional<Checkpoint> start = shared_start(cluster, std::nullopt);
  TrainingSetup setup(document, config, open_data(config.data), pool, start ? &*start : nullptr, cluster);
  return TrainingOutcome{.code = follow(setup, voice, interruption)};
}

}  // namespace

int resume(const ResumeOptions& options, const Voice& voice, Cluster& cluster) {
  Interruption interruption(Interruption::Work::to_come, !cluster.is_root());
  ThreadPool pool(options.threads);
  std::optional<OpenedData> opened;
  const auto open = [&](const DataSpec& spec) -> const OpenedData& {
    return opened.emplace(open_data(spec, pool, voice, cluster));
  };
  const auto outcome = resume_run(options, open, pool, voice, interruption, cluster);
  if (!outcome) return 0;
  if (cluster.is_root()) print_outcome(*outcome);
  return static_cast<int>(outcome->code);
}

std::optional<TrainingOutcome> resume_run(const ResumeOptions& options, const OpenData& open_data,
                                          ThreadPool& pool, const Voice& voice, Interruption& interruption,
                                          Cluster& cluster) {
  if (!cluster.is_root()) return follow_run(open_data, pool, voice, interruption, cluster);
  check_folder(options.folder);
  const Document document = shared_document(
      cluster, [&] { return Document::read(options.folder / "config.json", options.overrides); });
  const Config config = read_config(document);
  FoundRun run = find_run(options, voice.log());

  Config before = config;
  std::vector<std::string> notes;
  bool over = false;
  if (run.start) {
    before = read_config(Document::parse(run.start->text("config"), "the config in the checkpoint"));
    const bool within_epoch = run.start->integer("epoch.steps") > 0;
    notes = check_changes(before, config, run.start->integer("epochs_done") + (within_epoch ? 1 : 0));
    over = is_over(run, config, options, notes);
  }
  broadcast_value(cluster, over);
  if (over) return std::nullopt;
  const Checkpoint* start = run.start ? &*run.start : nullptr;
  shared_start(cluster, run.start);
  TrainingSetup setup(document, config, open_data(config.data), pool, start, cluster);
  for (const std::string& note : notes) setup.add_note(note);
  for (const std::string& note : where_it_goes_on(setup, before)) setup.add_note(note);
  return train(setup, std::move(run.folder), std::move(run.checkpoints), voice, interruption);
}

}  // namespace cnn
