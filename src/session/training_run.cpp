#include "session/training_run.h"

#include <map>
#include <new>
#include <utility>

#include "core/file.h"
#include "core/standard_streams.h"
#include "core/text.h"
#include "session/checkpoint_saver.h"
#include "session/description.h"
#include "session/image_filter.h"
#include "session/run_report.h"
#include "session/run_writer.h"
#include "session/train_batch_sheet.h"
#include "session/training_commentary.h"
#include "session/training_follower.h"
#include "train/data_filter.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

std::string summary_line(const TrainingOutcome& outcome) {
  std::string line = fmt::format("best epoch {}", outcome.best.epoch);
  if (const auto& validation = outcome.best.validation)
    line += fmt::format(": validation accuracy {}", percent_text(validation->accuracy()));
  if (const auto& test = outcome.test)
    line += fmt::format(", test accuracy {} ({} of {})", percent_text(test->accuracy()), test->correct,
                        test->labeled);
  return line;
}

/// "; go on with: ...", if it is up to this training to say so.
std::string advice(const Voice& voice, const char* what, const fs::path& folder) {
  if (!voice.advises()) return "";
  return fmt::format("; {} with: cnn-train --resume {}", what, printable(folder.string()));
}

ModelDescription description_of(const TrainingSetup& setup) {
  const TrainingData& data = setup.data();
  return {.config = model_config_json(setup.config()),
          .classes = data.classes,
          .mean = data.mean,
          .std = data.std};
}

/// What goes into every checkpoint beside the trainer's state.
std::map<std::string, std::string> checkpoint_texts(const TrainingSetup& setup) {
  std::map<std::string, std::string> texts{{"config", resolved_json(setup.config())},
                                           {"data", to_text(setup.identity())}};
  if (setup.config().training.filter) texts.emplace("kept", to_text(setup.kept(), setup.all_train().size()));
  return texts;
}

/// A training whose images are chosen and whose folder exists: everything from its first step to its end,
/// with the writers that keep the folder up to date.
class TrainingRun {
 public:
  /// All references must outlive the object.
  TrainingRun(TrainingSetup& setup, RunFolder& folder, CheckpointFolder checkpoints, const Voice& voice,
              Interruption& interruption, RunLog& log);

  TrainingOutcome run();
  void tell(std::optional<EventFile> events) {
    if (events) files_.tell(*std::move(events));
  }

 private:
  void listen();
  bool train_and_test();
  bool run_epochs();
  void roll_back();
  void say_how_it_ended();
  bool evaluate_best();
  std::optional<Evaluation> evaluate_all(std::span<const WeightedLook> looks, const char* what,
                                         const OnPrediction& each);
  TrainingOutcome finished();
  TrainingOutcome interrupted();
  TrainingOutcome failed(const std::exception& error);
  void rescue();

  const TrainingSpec& spec_;
  const TrainingData& data_;
  Cluster& cluster_;
  Trainer& trainer_;
  const fs::path folder_;
  const Voice& voice_;
  Interruption& interruption_;
  spdlog::logger& log_;
  spdlog::logger& file_log_;
  RunWriter files_;
  CheckpointSaver saver_;
  RunReport report_;
  TrainingCommentary commentary_;
  TrainingEvents events_;
  TrainingOutcome outcome_{.folder = folder_};
  std::unique_ptr<char[]> reserve_;  ///< freed when memory runs out, so that some is left for saving
};

TrainingRun::TrainingRun(TrainingSetup& setup, RunFolder& folder, CheckpointFolder checkpoints,
                         const Voice& voice, Interruption& interruption, RunLog& log)
    : spec_(setup.config().training),
      data_(setup.data()),
      cluster_(setup.cluster()),
      trainer_(setup.trainer()),
      folder_(folder.path()),
      voice_(voice),
      interruption_(interruption),
      log_(log.both()),
      file_log_(log.file()),
      files_(folder, setup.network(), trainer_, description_of(setup), log_),
      saver_(trainer_, std::move(checkpoints), spec_, checkpoint_texts(setup), log_),
      report_(folder_, setup.config(), setup.network(), data_,
              {setup.pool().threads(), setup.cluster().size()}, log_),
      commentary_(log, trainer_, cluster_, data_, voice) {
  if (!trainer_.history().empty()) report_.resume(best_of(trainer_.history()).epoch);
  listen();
  reserve_ = std::make_unique<char[]>(1 << 20);
}

void TrainingRun::listen() {
  commentary_.listen(events_);
  events_.on_validation = report_.validation_observer();
  events_.on_epoch = [this](const EpochResult& epoch) {
    commentary_.epoch(epoch);
    trainer_.times().measure(Spent::files, [&] { files_.add_epoch(); });
    trainer_.times().measure(Spent::pages,
                             [&] { report_.add_epoch(epoch.epoch, trainer_.epochs(), epoch.best); });
  };
  events_.on_state = [this](bool epoch_ended) {
    const auto save = [&] { saver_.offer(epoch_ended, interruption_.take_save_request()); };
    epoch_ended ? trainer_.times().measure(Spent::files, save) : save();  // else it is in the step's time
  };
}

TrainingOutcome TrainingRun::run() {
  try {
    if (!train_and_test()) return interrupted();
  } catch (const std::exception& error) {
    return failed(error);
  }
  return finished();
}

/// False: interrupted.
bool TrainingRun::train_and_test() {
  files_.begin();
  const bool trained = run_epochs();
  commentary_.clear();
  if (!trained) {
    saver_.save_rest();
    return false;
  }
  // A disk that is full must not cost a finished training its result.
  std::exception_ptr unsaved;
  const auto save = [&](const auto& part) {
    try {
      part();
    } catch (const Error&) {
      unsaved = std::current_exception();
    }
  };
  save([&] { saver_.save_rest(); });
  say_how_it_ended();
  save([&] { files_.finish_last(); });
  trainer_.swap_best();
  save([&] { files_.finish_best(); });
  if (!evaluate_best()) return false;
  if (unsaved) {
    outcome_.best = best_of(trainer_.history());
    print_out("{}\n", summary_line(outcome_));
    trainer_.swap_best();  // what failed to be saved is the state of the training
    files_.reopen();
    std::rethrow_exception(unsaved);
  }
  files_.write_result(true, outcome_.test);
  return true;
}

/// The training itself, with the rollbacks that the config allows. False: interrupted.
bool TrainingRun::run_epochs() {
  const bool may_roll_back = spec_.on_non_finite == OnNonFinite::rollback;
  // A rollback can go back to this; it also keeps what the proxy network found out.
  if ((may_roll_back || spec_.filter) && trainer_.steps_done() == 0) saver_.save();
  for (;;) {
    try {
      return trainer_.run(events_, interruption_.requested()) == Trainer::Outcome::finished;
    } catch (const NonFiniteError& error) {
      files_.add_post_mortem(error.post_mortem());
      if (!may_roll_back || trainer_.rollbacks() >= kMostRollbacks) throw;
      log_.warn("warning: {}", error.what());
      roll_back();
    }
  }
}

void TrainingRun::roll_back() {
  const Checkpoint newest = saver_.newest();
  trainer_.roll_back(cluster_.size() == 1 ? newest : shared_checkpoint(cluster_, &newest));
  saver_.save();
  files_.begin();
  commentary_.clear();
  report_.resume(trainer_.history().empty() ? 0 : best_of(trainer_.history()).epoch);
  log_.warn("warning: went back to {} epochs and {} steps; continues with half the learning rate ({} of {})",
            trainer_.epochs_done(), trainer_.steps_of_epoch(), trainer_.rollbacks(), kMostRollbacks);
}

/// Why there were no more epochs, if there are fewer than the config has.
void TrainingRun::say_how_it_ended() {
  commentary_.end();
  if (trainer_.out_of_patience() && trainer_.epochs_done() < trainer_.epochs())
    log_.info("stopped early: no better epoch since epoch {}", best_of(trainer_.history()).epoch);
  if (const int planned = trainer_.epochs(); planned < spec_.epochs)
    log_.info("{} of {} epochs fit into {} minutes", planned, spec_.epochs, *spec_.max_minutes);
}

/// The test images, and the validation images if the report needs them. False: interrupted.
bool TrainingRun::evaluate_best() {
  if (!data_.test.empty()) {
    outcome_.test = trainer_.times().measure(
        Spent::test, [&] { return evaluate_all(data_.test, "testing", report_.test_observer()); });
    if (!outcome_.test) return false;
  }
  if (!validates_again(cluster_, !report_.tells_of(best_of(trainer_.history()).epoch))) return true;
  const WeightedLook plain{*data_.validation};
  return evaluate_all({&plain, 1}, "validating", report_.validation_observer()).has_value();
}

/// Nothing: interrupted.
std::optional<Evaluation> TrainingRun::evaluate_all(std::span<const WeightedLook> looks, const char* what,
                                                    const OnPrediction& each) {
  const std::int64_t images = looks.front().set.size();
  const auto line = voice_.progress(what, images);
  const auto progress = [&](std::int64_t done) { line->update(done, "images"); };
  const Evaluation result = trainer_.evaluate(looks, each, progress, &interruption_.requested());
  return result.images == images ? std::optional(result) : std::nullopt;
}

TrainingOutcome TrainingRun::finished() {
  outcome_.best = best_of(trainer_.history());
  trainer_.times().measure(Spent::pages, [&] { report_.finish(outcome_.best.epoch); });
  commentary_.times();
  outcome_.summary = summary_line(outcome_);
  file_log_.info("{}", outcome_.summary);
  return std::move(outcome_);
}

TrainingOutcome TrainingRun::interrupted() {
  interruption_.agree(cluster_);
  files_.interrupt();
  log_.warn("interrupted after {}{}{}", counted(trainer_.epochs_done(), "whole epoch"),
            trainer_.finished() ? ", in the test" : "", advice(voice_, "go on", folder_));
  report_.stop(trainer_.epochs_done(), "interrupted.");
  outcome_.code = interruption_.exit_code();
  return std::move(outcome_);
}

TrainingOutcome TrainingRun::failed(const std::exception& error) {
  commentary_.clear();
  reserve_.reset();
  const bool no_memory = dynamic_cast<const std::bad_alloc*>(&error) != nullptr;
  const std::string why = no_memory ? "out of memory; use a smaller batch_size or network" : error.what();
  const auto* not_finite = dynamic_cast<const NonFiniteError*>(&error);  // which all have seen
  const auto* elsewhere = dynamic_cast<const ClusterError*>(&error);
  if (!not_finite) cluster_.report_fault(ExitCode::run_failed, why);
  log_.error("{}", why);
  rescue();
  if (not_finite)
    log_.error(
        "to fix it, start a new run with a smaller training.optimizer.learning_rate, warmup_epochs or "
        "clip_gradient_norm{}{}",
        trainer_.epochs_done() == 0 ? " (what this one saved may be spoiled already)" : "",
        spec_.on_non_finite == OnNonFinite::rollback
            ? ""
            : "; \"on_non_finite\": \"rollback\" tries smaller rates by itself");
  report_.stop(trainer_.epochs_done(), why);
  outcome_.code = elsewhere ? elsewhere->code() : ExitCode::run_failed;
  return std::move(outcome_);
}

/// Saves the state before the step that failed, if it is any good.
void TrainingRun::rescue() {
  const std::string where = printable(folder_.string());
  if (!trainer_.is_finite()) {
    log_.error("the last good models and checkpoints are in {}", where);
    return;
  }
  try {
    saver_.save_rest();
    files_.interrupt();
    log_.error("everything up to there is saved; to go on: cnn-train --resume {}", where);
  } catch (const std::exception& error) {
    log_.error("not everything could be saved: {}; older models and checkpoints may be in {}", error.what(),
               where);
  }
}

}  // namespace

TrainingOutcome train(TrainingSetup& setup, RunFolder folder, CheckpointFolder checkpoints,
                      const Voice& voice, Interruption& interruption) {
  interruption.begin_work();
  folder.write_config(resolved_json(setup.config()));
  const std::string& duplicates = setup.data().duplicates;
  if (!duplicates.empty()) write_file_atomically(folder.file("duplicates.csv"), duplicates);
  const std::string& near = setup.data().near_duplicates;
  if (!near.empty()) write_file_atomically(folder.file("near_duplicates.csv"), near);
  RunLog log(voice, folder.file("train.log").string());
  introduce(setup, voice, log);
  if (!duplicates.empty())
    log.both().info("list of identical images: {}", printable(folder.file("duplicates.csv").string()));
  if (!near.empty())
    log.both().info("list of similar images: {}", printable(folder.file("near_duplicates.csv").string()));
  if (setup.proxy() && !filter_images(setup, interruption.requested(), voice, log.both())) {
    log.both().warn("interrupted before the proxy network was done{}",
                    advice(voice, "begin again", folder.path()));
    interruption.agree(setup.cluster());
    return {.code = interruption.exit_code()};
  }
  const Canvas sheet = write_sheet(setup, folder.file("train_batch.png"), log.both());
  TrainingRun run(setup, folder, std::move(checkpoints), voice, interruption, log);
  if (setup.config().training.tensorboard)
    run.tell(begin_events(folder.path(), setup.trainer().epochs_done() + 1, sheet, log.both()));
  return run.run();
}

TrainingOutcome train(TrainingSetup& setup, const ClaimFolder& claim, const Voice& voice,
                      Interruption& interruption) {
  if (!setup.cluster().is_root()) return {.code = follow(setup, voice, interruption)};
  interruption.begin_work();  // a signal must not leave an empty folder behind
  RunFolder folder = claim();
  CheckpointFolder checkpoints(folder.checkpoints());
  return train(setup, std::move(folder), std::move(checkpoints), voice, interruption);
}

void print_outcome(const TrainingOutcome& outcome) {
  if (outcome.code != ExitCode::done) return;
  const std::string folder = printable(outcome.folder.string());
  results_are_in(folder);
  print_out("{}\nmodel: {}/best.safetensors\nreport: {}/report.html\n", outcome.summary, folder, folder);
}

}  // namespace cnn
