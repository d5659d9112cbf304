#include "session/training_run.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <new>
#include <utility>

#include "config/spec_places.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"
#include "inspect/layer_rows.h"
#include "kernels/simd.h"
#include "report/progress.h"
#include "session/checkpoint_saver.h"
#include "session/run_report.h"
#include "session/run_writer.h"
#include "session/train_batch_sheet.h"
#include "session/training_commentary.h"
#include "train/class_weights.h"
#include "train/data_filter.h"
#include "train/model_file.h"
#include "train/whitening.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

/// Messages to a file, with the time.
std::shared_ptr<spdlog::logger> file_log(const fs::path& path) {
  const auto file = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path.string());
  file->set_pattern("%Y-%m-%d %H:%M:%S  %v");
  const auto log = std::make_shared<spdlog::logger>("train.log", file);
  log->flush_on(spdlog::level::info);
  return log;
}

/// What is said to both.
std::shared_ptr<spdlog::logger> both(const spdlog::logger& console, const spdlog::logger& file) {
  const auto log =
      std::make_shared<spdlog::logger>("cnn-train", console.sinks().begin(), console.sinks().end());
  log->sinks().insert(log->sinks().end(), file.sinks().begin(), file.sinks().end());
  log->flush_on(spdlog::level::info);
  return log;
}

/// Given back when memory runs out, so that there is some to save with.
constexpr std::size_t kReserveBytes = 1 << 20;

std::string percent(double fraction) { return fmt::format("{:.2f} %", 100 * fraction); }

std::string summary_line(const TrainingRun::Result& result) {
  std::string line = fmt::format("best epoch {}", result.best.epoch);
  if (const auto& validation = result.best.validation)
    line += fmt::format(": validation accuracy {}", percent(validation->accuracy()));
  if (const auto& test = result.test)
    line +=
        fmt::format(", test accuracy {} ({} of {})", percent(test->accuracy()), test->correct, test->labeled);
  return line;
}

/// Trains for about a second, to say how long an epoch takes. The network's weights are changed by it.
double measured_epoch_seconds(Trainer& trainer) {
  std::atomic<bool> stop{false};
  const double start = now_seconds();
  const auto elapsed = [&] { return now_seconds() - start; };
  double first = 0, per_step = 0;
  std::int64_t steps = 0;
  const auto on_step = [&](const StepProgress& p) {
    // The first step warms up.
    if (++steps == 1)
      first = elapsed();
    else
      per_step = (elapsed() - first) / static_cast<double>(steps - 1);
    if ((elapsed() > 1 && steps > 2) || p.step == p.steps_per_epoch) stop = true;
  };
  trainer.run({.on_step = on_step}, stop);
  if (steps == 1) per_step = first;
  return per_step * static_cast<double>(trainer.steps_per_epoch());
}

}  // namespace

std::shared_ptr<spdlog::logger> console_log(bool quiet) {
  const auto console = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  console->set_pattern("%v");
  console->set_level(quiet ? spdlog::level::warn : spdlog::level::info);
  return std::make_shared<spdlog::logger>("cnn-train", console);
}

TrainingRun::TrainingRun(const Document& document, Config config, const OpenedData& opened, ThreadPool& pool,
                         std::shared_ptr<spdlog::logger> log, bool quiet, const Checkpoint* start)
    : config_(std::move(config)),
      pool_(pool),
      log_(std::move(log)),
      quiet_(quiet),
      input_{.c = config_.data.image.channels, .h = config_.data.image.height, .w = config_.data.image.width},
      data_(prepare_data(opened, config_.data, config_.seed, pool)) {
  const TrainingSpec& training = config_.training;
  network_ = with_places(document, [&] { return planned(config_.network, training.batch_size); });
  if (training.filter && !start)
    proxy_ = with_places(document, [&] { return planned(training.filter->proxy, training.batch_size); });
  network_->initialize(config_.seed);
  if (!start) whiten(*network_, data_.plain_train, pool);
  if (training.initial_weights && !start)
    unused_weights_ = load_initial_weights(*training.initial_weights, *network_);

  bytes_ = bytes_of(*network_, proxy_.get());
  check_memory(document);
  data_identity_ = {data_.classes, identify(data_.train), std::nullopt, data_.mean, data_.std};
  if (data_.validation) data_identity_.validation = identify(*data_.validation);
  if (start) check_identity(*start);
  whole_train_ = data_.train;
  // Until the proxy network has chosen, the first images of each class stand in: as many, so that whatever
  // depends on their number can be checked and planned.
  if (training.filter)
    keep(start ? to_kept_images(start->text("kept"), whole_train_.size(), "the checkpoint")
               : hardest_images(whole_train_.labels, std::vector<double>(whole_train_.labels.size()),
                                training.filter->keep));
  make_trainer();
  if (!start) return;
  trainer_->restore(*start);
  resumed_ = true;
}

std::unique_ptr<Network> TrainingRun::planned(const NetworkSpec& spec, int batch_size) const {
  return std::make_unique<Network>(spec, input_, static_cast<int>(data_.classes.size()), batch_size);
}

/// One is trained after the other, so the larger need counts.
std::int64_t TrainingRun::bytes_of(const Network& network, const Network* proxy) const {
  const TrainingSpec& training = config_.training;
  const std::int64_t bytes = Trainer::bytes(network, training, pool_.threads());
  return proxy ? std::max(bytes, Trainer::bytes(*proxy, proxy_spec(training), pool_.threads())) : bytes;
}

void TrainingRun::make_trainer() {
  trainer_ = std::make_unique<Trainer>(
      *network_, pool_, config_.training, config_.seed, data_.train,
      data_.validation ? &*data_.validation : nullptr,
      class_weights(config_.training.class_weights, data_.classes, data_.train.labels));
}

void TrainingRun::keep(std::vector<std::int64_t> images) {
  kept_ = std::move(images);
  data_.train = some_images(whole_train_, kept_);
}

/// "500 of 1,000 training images".
std::string TrainingRun::kept_count() const {
  return fmt::format("{} of {} training images", with_commas(data_.train.size()),
                     with_commas(whole_train_.size()));
}

/// "500 of 1,000 training images: cat 300 of 600, dog 200 of 400".
std::string TrainingRun::kept_by_class() const {
  std::vector<std::string> words;
  for (std::size_t c = 0; c < data_.classes.size(); ++c) {
    const auto of_class = [&](const ImageSet& set) {
      return with_commas(std::ranges::count(set.labels, static_cast<std::int32_t>(c)));
    };
    words.push_back(fmt::format("{} {} of {}", printable(data_.classes[c]), of_class(data_.train),
                                of_class(whole_train_)));
  }
  return kept_count() + ": " + join(words);
}

/// Trains the proxy network, and the trainer is one of the images that were hard for it. False: interrupted.
bool TrainingRun::filter_images(const Interruption& interruption, spdlog::logger& log) {
  trainer_.reset();  // its memory is for the proxy's
  proxy_->initialize(config_.seed);
  whiten(*proxy_, data_.plain_train, pool_);
  std::optional<ProgressLine> line;
  const auto on_step = [&](const StepProgress& p) {
    if (p.step == 1)
      line.emplace(fmt::format("proxy epoch {}/{}", p.epoch, p.epochs), p.steps_per_epoch, quiet_);
    if (line->due(p.step)) line->update(p.step, "loss " + loss_text(p.loss));
  };
  const double start = now_seconds();
  const std::optional<ProxyResult> result = train_proxy(*proxy_, pool_, config_.training, config_.seed,
                                                        whole_train_, on_step, interruption.requested());
  line.reset();
  proxy_.reset();
  if (result) keep(hardest_images(whole_train_.labels, result->losses, config_.training.filter->keep));
  make_trainer();
  if (result)
    log.info("filter: the proxy network took {} and has {} right in its last epoch; kept {}",
             human_seconds(now_seconds() - start), percent(result->accuracy), kept_by_class());
  return result.has_value();
}

void TrainingRun::check_identity(const Checkpoint& checkpoint) const {
  const DataIdentity before = to_identity(checkpoint.text("data"), "the checkpoint");
  if (const auto found = differences(before, data_identity_); !found.empty())
    fail(
        "the data is not what this run began with: {}. Restore it, or start a new run; its "
        "\"initial_weights\" "
        "can be a model of this one",
        join(found, "; "));
}

void TrainingRun::describe(spdlog::logger& log, bool with_layers) const {
  log.info("{}: {} classes ({}), {} training images{}{}", config_.name, data_.classes.size(),
           printable(join(data_.classes)), with_commas(whole_train_.size()),
           data_.validation ? fmt::format(", {} for validation", with_commas(data_.validation->size())) : "",
           data_.test.empty()
               ? ""
               : fmt::format(", {} for the test at the end", with_commas(data_.test.front().set.size())));
  const auto say = [&](const std::string& note) {
    log.log(note.starts_with("warning:") ? spdlog::level::warn : spdlog::level::info, "{}", note);
  };
  for (const std::string& note : data_.notes) say(note);
  for (const std::string& note : notes_) say(note);
  if (const auto& start = config_.training.initial_weights; start && !resumed_)
    log.info(
        "starts from {}{}{}", printable(start->file.string()),
        start->except.empty() ? "" : fmt::format(", but {} fresh", printable(join(start->except))),
        unused_weights_.empty() ? "" : fmt::format("; not used of it: {}", printable(join(unused_weights_))));
  if (const auto& filter = config_.training.filter; filter && resumed_)
    log.info("filter: keeps {}", kept_by_class());
  else if (filter)
    log.info("filter: a proxy network is trained first, for {} epochs, and keeps {}", filter->epochs,
             kept_count());
  const std::vector<LayerRow> rows = layer_rows(*network_);
  if (with_layers && !resumed_) log.info("{}", layer_table(to_string(input_), rows));
  for (const CliffWarning& warning : cliff_warnings(input_.values(), rows))
    if (!resumed_) log.warn("warning: {}", warning.message);
  if (const std::int64_t images = data_.train.size(); config_.training.batch_size > images && !resumed_)
    log.warn("warning: batch_size {} is more than all {}: an epoch is a single step",
             with_commas(config_.training.batch_size), counted(images, "training image"));
  log.info("{}, {}, {} of memory for activations, gradients and optimizer",
           counted(pool_.threads(), "thread"), instruction_set(), human_bytes(bytes_));
}

double TrainingRun::dry_run() {
  describe(*log_, false);
  const double seconds = measured_epoch_seconds(*trainer_);
  double all = seconds * config_.training.epochs;
  fmt::print("{}", layer_table(to_string(input_), layer_rows(*network_)));
  fmt::print("memory: {}, without the images\ntime per epoch: about {} ({} steps), {} epochs in about {}\n",
             human_bytes(bytes_), human_seconds(seconds), trainer_->steps_per_epoch(),
             config_.training.epochs, human_seconds(all));
  if (!proxy_) return all;
  trainer_.reset();
  proxy_->initialize(config_.seed);
  Trainer proxy(*proxy_, pool_, proxy_spec(config_.training), config_.seed, whole_train_, nullptr);
  const int epochs = config_.training.filter->epochs;
  const double before = epochs * measured_epoch_seconds(proxy);
  fmt::print("the proxy network of the filter before that: {} epochs in about {}\n", epochs,
             human_seconds(before));
  all += before;
  return all;
}

LearningRateSweep TrainingRun::sweep_learning_rates(const SweepRange& range, const std::atomic<bool>& stop) {
  describe(*log_, true);
  trainer_.reset();  // room for another one
  Trainer trainer(*network_, pool_, sweep_spec(config_.training, range, whole_train_.size()), config_.seed,
                  whole_train_, nullptr,
                  class_weights(config_.training.class_weights, data_.classes, whole_train_.labels));
  ProgressLine line("learning rates", range.steps, quiet_);
  return cnn::sweep_learning_rates(
      trainer, range, [&](std::int64_t steps) { line.update(steps, "steps"); }, stop);
}

/// Refuses what does not fit, before it is allocated, with the batch size that would.
void TrainingRun::check_memory(const Document& document) const {
  const AvailableMemory available = available_memory();
  if (bytes_ <= available.bytes) return;
  const TrainingSpec& training = config_.training;
  int fits = training.batch_size / 2;
  for (; fits > 0; fits /= 2) {
    const auto network = planned(config_.network, fits);
    const auto proxy = proxy_ ? planned(training.filter->proxy, fits) : nullptr;
    if (bytes_of(*network, proxy.get()) <= available.bytes) break;
  }
  fail_usage("{}",
             document.explain("/training/batch_size",
                              fmt::format("training needs {} beside the data, and {} leaves {}; {}",
                                          human_bytes(bytes_), available.limit, human_bytes(available.bytes),
                                          fits > 0 ? fmt::format("a batch_size of {} fits", fits)
                                                   : "not even a batch_size of 1 fits: use a smaller "
                                                     "network, smaller images, or fewer threads")));
}

/// A picture that cannot be written is no reason not to train.
void TrainingRun::write_sheet(const RunFolder& run, spdlog::logger& log) const {
  try {
    write_file_atomically(
        run.file("train_batch.png"),
        train_batch_sheet(data_, input_, config_.training, config_.seed, config_.name).png());
  } catch (const Error& error) {
    log.warn("warning: {}", error.what());
  }
}

TrainingRun::Result TrainingRun::train(const fs::path& folder, Interruption& interruption, bool introduce) {
  RunFolder run = RunFolder::create(folder);
  CheckpointFolder checkpoints(run.checkpoints());
  return train(std::move(run), std::move(checkpoints), interruption, introduce);
}

TrainingRun::Result TrainingRun::train(RunFolder run, CheckpointFolder checkpoints,
                                       Interruption& interruption, bool introduce) {
  interruption.begin_work();
  run.write_config(resolved_json(config_));
  if (!data_.duplicates.empty()) write_file_atomically(run.file("duplicates.csv"), data_.duplicates);
  const auto to_file = file_log(run.file("train.log"));
  const auto log = both(*log_, *to_file);
  describe(introduce ? *log : *to_file, true);
  if (!data_.duplicates.empty())
    log->info("all images that are the same: {}", printable(run.file("duplicates.csv").string()));
  Result result;
  if (proxy_ && !filter_images(interruption, *log)) {
    log->warn("interrupted before the proxy network was done{}", advice("begin again", run.path()));
    result.code = interruption.exit_code();
    return result;
  }
  write_sheet(run, *log);
  RunWriter files(
      run, *network_, *trainer_,
      {.config = model_config_json(config_), .classes = data_.classes, .mean = data_.mean, .std = data_.std},
      *log);
  std::map<std::string, std::string> texts{{"config", resolved_json(config_)},
                                           {"data", to_text(data_identity_)}};
  if (config_.training.filter) texts.emplace("kept", to_text(kept_, whole_train_.size()));
  CheckpointSaver saver(*trainer_, std::move(checkpoints), config_.training, std::move(texts), *log);
  RunReport report(run.path(), config_, *network_, data_, pool_.threads(), *log);
  if (!trainer_->history().empty()) report.resume(best_of(trainer_->history()).epoch);
  TrainingCommentary commentary(*log, *trainer_, data_, quiet_);
  TrainingEvents events;
  commentary.listen(events, layer_statistics_);
  if (report.validation()) events.on_validation = report.validation()->observer();
  events.on_epoch = [&](const EpochResult& epoch) {
    commentary.epoch(epoch);
    files.add_epoch();
    report.add_epoch(epoch.epoch, trainer_->epochs(), epoch.best);
  };
  events.on_state = [&](bool epoch_ended) { saver.offer(epoch_ended, interruption.take_save_request()); };
  const auto on_rollback = [&] {
    commentary.clear();
    report.resume(trainer_->history().empty() ? 0 : best_of(trainer_->history()).epoch);
  };
  auto reserve = std::make_unique<char[]>(kReserveBytes);
  try {
    files.begin();
    bool complete = run_epochs(events, on_rollback, files, saver, interruption, *log);
    commentary.clear();
    // A disk that is full must not cost a finished training its result.
    std::exception_ptr unsaved;
    const auto save = [&](const auto& part) {
      try {
        part();
      } catch (const Error&) {
        if (!complete) throw;
        unsaved = std::current_exception();
      }
    };
    save([&] { saver.save_rest(); });
    if (complete) {
      commentary.end();
      if (trainer_->out_of_patience() && trainer_->epochs_done() < trainer_->epochs())
        log->info("stopped early: no better epoch since epoch {}", best_of(trainer_->history()).epoch);
      if (const int planned = trainer_->epochs(); planned < config_.training.epochs)
        log->info("{} of {} epochs fitted into {} minutes", planned, config_.training.epochs,
                  *config_.training.max_minutes);
      save([&] { files.finish(); });
      complete = evaluate_best(report, interruption, result);
    }
    if (complete && unsaved) {
      result.best = best_of(trainer_->history());
      fmt::print("{}\n", summary_line(result));
      std::rethrow_exception(unsaved);
    }
    if (!complete) {
      files.interrupt();
      log->warn("interrupted after {}{}", counted(trainer_->epochs_done(), "whole epoch"),
                advice("go on", run.path()));
      report.stop(trainer_->epochs_done(), "interrupted.");
      result.code = interruption.exit_code();
      return result;
    }
    files.write_result(true, result.test);
  } catch (const std::exception& error) {
    commentary.clear();
    const bool no_memory = dynamic_cast<const std::bad_alloc*>(&error) != nullptr;
    reserve.reset();
    const std::string why = no_memory ? "out of memory; use a smaller batch_size or network" : error.what();
    log->error("{}", why);
    rescue(files, saver, *log);
    if (dynamic_cast<const NonFiniteError*>(&error))
      log->error(
          "to mend it: a smaller training.optimizer.learning_rate, warmup_epochs or clip_gradient_norm, in a "
          "new run{}{}",
          trainer_->epochs_done() == 0 ? " (what is saved of this one may be spoiled already)" : "",
          config_.training.on_non_finite == OnNonFinite::rollback
              ? ""
              : "; \"on_non_finite\": \"rollback\" tries smaller rates by itself");
    report.stop(trainer_->epochs_done(), why);
    result.code = ExitCode::run_failed;
    return result;
  }
  result.best = best_of(trainer_->history());
  report.finish(result.best.epoch);
  result.summary = summary_line(result);
  to_file->info("{}", result.summary);
  return result;
}

std::string TrainingRun::advice(const char* what, const fs::path& folder) const {
  if (one_of_several_) return "";
  return fmt::format("; {} with: cnn-train --resume {}", what, printable(folder.string()));
}

bool TrainingRun::evaluate_best(RunReport& report, const Interruption& interruption, Result& result) {
  // `images`: a set, or several looks at it.
  const auto run = [&](const auto& images, std::int64_t count, EvaluationCollector& collector,
                       const char* what) {
    ProgressLine line(what, count, quiet_);
    const auto progress = [&](std::int64_t done) {
      line.update(done, "images");
      return true;
    };
    return evaluate(trainer_->evaluation_runner(), images, collector.observer(), progress,
                    &interruption.requested());
  };
  bool complete = true;
  if (!data_.test.empty()) {
    const std::int64_t count = data_.test.front().set.size();
    result.test = run(data_.test, count, *report.test(), "testing");
    complete = result.test->images == count;
  }
  if (complete && !report.tells_of(best_of(trainer_->history()).epoch)) {
    const std::int64_t count = data_.validation->size();
    complete = run(*data_.validation, count, *report.validation(), "validating").images == count;
  }
  return complete;
}

/// The training itself, with the rollbacks that the config allows. False: interrupted.
bool TrainingRun::run_epochs(const TrainingEvents& events, const std::function<void()>& on_rollback,
                             RunWriter& files, CheckpointSaver& saver, const Interruption& interruption,
                             spdlog::logger& log) {
  const TrainingSpec& training = config_.training;
  // What a rollback goes back to; what the proxy network has found out.
  if ((training.on_non_finite == OnNonFinite::rollback || training.filter) && trainer_->steps_done() == 0)
    saver.save();
  for (;;) {
    try {
      return trainer_->run(events, interruption.requested()) == Trainer::Outcome::finished;
    } catch (const NonFiniteError& error) {
      files.add_post_mortem(error.post_mortem());
      if (training.on_non_finite != OnNonFinite::rollback || trainer_->rollbacks() >= kMostRollbacks) throw;
      log.warn("warning: {}", error.what());
      trainer_->roll_back(saver.newest());
      saver.save();
      files.begin();
      on_rollback();
      log.warn("warning: went back to {} epochs and {} steps, and on with half the learning rate ({} of {})",
               trainer_->epochs_done(), trainer_->steps_of_epoch(), trainer_->rollbacks(), kMostRollbacks);
    }
  }
}

/// After a failure: saves the state before the step that failed, if it is any good.
void TrainingRun::rescue(RunWriter& files, CheckpointSaver& saver, spdlog::logger& log) {
  const std::string where = printable(files.folder().string());
  if (!trainer_->is_finite()) {
    log.error("the last good models and checkpoints are in {}", where);
    return;
  }
  try {
    saver.save_rest();
    files.interrupt();
    log.error("what was trained up to there is saved; to go on: cnn-train --resume {}", where);
  } catch (const std::exception& error) {
    log.error("not everything could be saved: {}; older models and checkpoints may be in {}", error.what(),
              where);
  }
}

void print_outcome(const TrainingRun::Result& result, const fs::path& folder) {
  if (result.code != ExitCode::done) return;
  fmt::print("{}\nmodel: {}\nreport: {}\n", result.summary, printable((folder / "best.safetensors").string()),
             printable((folder / "report.html").string()));
}

}  // namespace cnn
