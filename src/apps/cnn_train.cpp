// cnn-train: trains the network of a config and leaves a run folder. Command line and wiring only.
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>

#include "apps/command_line.h"
#include "apps/init.h"
#include "apps/interruption.h"
#include "apps/layer_rows.h"
#include "apps/places.h"
#include "apps/training_data.h"
#include "config/config.h"
#include "core/text.h"
#include "kernels/simd.h"
#include "report/progress.h"
#include "train/model_file.h"
#include "train/run_folder.h"
#include "train/trainer.h"

namespace cnn {
namespace {

struct Options {
  std::filesystem::path config, run_dir;
  std::vector<std::string> overrides;
  int threads = usable_processors();
  bool quiet = false, dry_run = false;
};

/// Messages go to stderr without decoration, and to train.log with the time once there is a run folder.
std::shared_ptr<spdlog::logger> make_log(bool quiet) {
  const auto console = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  console->set_pattern("%v");
  console->set_level(quiet ? spdlog::level::warn : spdlog::level::info);
  return std::make_shared<spdlog::logger>("cnn-train", console);
}

/// Returns a logger that writes to train.log only: for what goes to stdout.
std::shared_ptr<spdlog::logger> add_log_file(spdlog::logger& log, const std::filesystem::path& path) {
  const auto file = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path.string());
  file->set_pattern("%Y-%m-%d %H:%M:%S  %v");
  log.sinks().push_back(file);
  log.flush_on(spdlog::level::info);
  return std::make_shared<spdlog::logger>("train.log", file);
}

std::string percent(double fraction) { return fmt::format("{:.2f} %", 100 * fraction); }

std::string epoch_line(const EpochResult& r, int epochs) {
  std::string line = fmt::format("epoch {}/{}  loss {:.4f}  accuracy {}", r.epoch, epochs, r.train_loss,
                                 percent(r.train_accuracy));
  if (r.validation)
    line += fmt::format("  validation {} (loss {:.4f}{})", percent(r.validation->accuracy()),
                        r.validation->loss(), r.best ? ", best so far" : "");
  line += fmt::format("  learning rate {:.3g}  {} images/s\n  active:", r.learning_rate,
                      with_commas(static_cast<std::int64_t>(r.images_per_second)));
  for (const LayerActivity& layer : r.activity)
    line += fmt::format(" {} {:.0f} %", layer.layer, 100 * layer.active_fraction);
  return line;
}

/// Memory that this machine can still give, or a very large number if it does not say.
std::int64_t available_bytes() {
  std::ifstream file("/proc/meminfo");
  std::string key, unit;
  for (std::int64_t kib = 0; file >> key >> kib; std::getline(file, unit))
    if (key == "MemAvailable:") return kib * 1024;
  return std::int64_t{1} << 62;
}

/// Trains for about a second, to say how long an epoch takes. The network's weights are changed by it.
double measured_epoch_seconds(Trainer& trainer) {
  std::atomic<bool> stop{false};
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  double first = 0, per_step = 0;
  std::int64_t steps = 0;
  trainer.run(
      [&](const StepProgress&) {
        // The first step warms up.
        if (++steps == 1)
          first = elapsed();
        else
          per_step = (elapsed() - first) / static_cast<double>(steps - 1);
        if (elapsed() > 1 && steps > 2) stop = true;
      },
      [&](const EpochResult&) { stop = true; }, stop);
  if (steps == 1) per_step = first;
  return per_step * static_cast<double>(trainer.steps_per_epoch());
}

int train(const Options& options) {
  const auto log = make_log(options.quiet);
  const Document document = Document::read(options.config, options.overrides);
  const Config config = read_config(document);
  const Shape input{
      .c = config.data.image.channels, .h = config.data.image.height, .w = config.data.image.width};
  // Shapes first: a mistake there should not have to wait for the data.
  with_places(document, [&] { Network(config.network, input, 0, 1); });
  const std::filesystem::path folder = RunFolder::choose(options.run_dir, config.name);

  ThreadPool pool(options.threads);
  TrainingData data = open_training_data(config.data, config.seed, pool, options.quiet);
  const auto network = with_places(document, [&] {
    return std::make_unique<Network>(config.network, input, static_cast<int>(data.classes.size()),
                                     config.training.batch_size);
  });
  network->initialize(config.seed);
  if (config.training.initial_weights) load_initial_weights(*config.training.initial_weights, *network);

  const std::int64_t bytes = Trainer::bytes(*network, config.training, options.threads),
                     available = available_bytes();
  if (bytes > available)
    fail_usage(
        "{}: training needs {} beside the data, and this machine has {} left; use a smaller batch_size or "
        "network",
        printable(options.config.string()), human_bytes(bytes), human_bytes(available));

  const ImageSet* validation = data.validation ? &*data.validation : nullptr;
  Trainer trainer(*network, pool, config.training, config.seed, data.train, validation);

  std::unique_ptr<RunFolder> run;
  std::shared_ptr<spdlog::logger> file_log;
  if (!options.dry_run) {
    run = std::make_unique<RunFolder>(folder, resolved_json(config));
    file_log = add_log_file(*log, run->file("train.log"));
  }
  log->info("{}: {} classes ({}), {} training images{}{}", config.name, data.classes.size(),
            printable(join(data.classes)), with_commas(data.train.size()),
            validation ? fmt::format(", {} for validation", with_commas(validation->size())) : "",
            data.test ? fmt::format(", {} for the test at the end", with_commas(data.test->size())) : "");
  for (const std::string& note : data.notes) log->info("{}", note);
  const std::vector<LayerRow> rows = layer_rows(*network);
  if (!options.dry_run) log->info("{}", layer_table(to_string(input), rows));  // a dry run's goes to stdout
  for (const CliffWarning& warning : cliff_warnings(input.values(), rows))
    log->warn("warning: {}", warning.message);
  log->info("{} threads, {}, {} of memory for activations, gradients and optimizer", options.threads,
            instruction_set(), human_bytes(bytes));
  if (options.dry_run) {
    const double seconds = measured_epoch_seconds(trainer);
    fmt::print("{}", layer_table(to_string(input), rows));
    fmt::print(
        "memory: {}\ntime per epoch: about {} ({} steps), {} epochs in about {}\nnothing was written; the "
        "run folder would be {}\n",
        human_bytes(bytes), human_seconds(seconds), trainer.steps_per_epoch(), config.training.epochs,
        human_seconds(seconds * config.training.epochs), printable(folder.string()));
    return 0;
  }

  const ModelDescription description{
      .config = model_config_json(config), .classes = data.classes, .mean = data.mean, .std = data.std};
  const Interruption interruption;
  std::unique_ptr<ProgressLine> progress;
  EpochResult best;
  int epochs_done = 0;
  const auto on_step = [&](const StepProgress& p) {
    if (!progress)
      progress = std::make_unique<ProgressLine>(fmt::format("epoch {}/{}", p.epoch, config.training.epochs),
                                                p.steps_per_epoch, options.quiet);
    if (progress->due(p.step))
      progress->update(p.step, fmt::format("loss {:.4f}  accuracy {}", p.loss, percent(p.accuracy)));
  };
  const auto on_epoch = [&](const EpochResult& result) {
    progress.reset();
    epochs_done = result.epoch;
    log->info("{}", epoch_line(result, config.training.epochs));
    run->add(result);
    if (result.best) {
      best = result;
      save_model(run->file("best.safetensors"), *network, description);
    }
    save_model(run->file("last.safetensors"), *network, description);
  };
  Trainer::Outcome outcome{};
  try {
    outcome = trainer.run(on_step, on_epoch, interruption.requested());
  } catch (const Error& error) {
    progress.reset();
    log->error("{}", error.what());
    log->error("the models of the last whole epoch are in {}", printable(folder.string()));
    return static_cast<int>(error.code());
  }
  progress.reset();
  if (outcome == Trainer::Outcome::interrupted) {
    save_model(run->file("last.safetensors"), *network, description);
    if (epochs_done == 0) save_model(run->file("best.safetensors"), *network, description);
    run->write_result(best, epochs_done, false, std::nullopt);
    log->warn("interrupted after {} whole epochs; the model as it is now: {}", epochs_done,
              printable(run->file("last.safetensors").string()));
    return static_cast<int>(interruption.exit_code());
  }
  std::optional<Evaluation> test;
  if (data.test) {
    load_model(run->file("best.safetensors"), *network);
    network->pack(pool);
    test = evaluate(trainer.evaluation_runner(), *data.test);
  }
  run->write_result(best, epochs_done, true, test);
  std::string summary = fmt::format("best epoch {}", best.epoch);
  if (best.validation)
    summary += fmt::format(": validation accuracy {}", percent(best.validation->accuracy()));
  if (test)
    summary +=
        fmt::format(", test accuracy {} ({} of {})", percent(test->accuracy()), test->correct, test->labeled);
  file_log->info("{}", summary);
  fmt::print("{}\nmodel: {}\n", summary, printable(run->file("best.safetensors").string()));
  return 0;
}

}  // namespace
}  // namespace cnn

int main(int argc, char** argv) {
  CLI::App app("Trains the convolutional network that a JSON config describes", "cnn-train");
  cnn::Options options;
  cnn::InitOptions init;
  CLI::Option* config = app.add_option("--config", options.config, "The config (JSON)");
  CLI::Option* folder = app.add_option(
      "--init", init.folder,
      "Look at a folder of images, one folder per class (or with train, validation and test in it), and "
      "write a config for it with the reasons");
  CLI::Option* out = app.add_option("--out", init.out,
                                    "With --init: the file to write, never an existing one (default: stdout)")
                         ->needs(folder);
  app.add_option("--set", options.overrides,
                 "Override a value of the config, as in training.epochs=3 (repeatable)")
      ->allow_extra_args(false);
  app.add_option("--run-dir", options.run_dir,
                 "Folder for the results; must be new or empty (default: runs/<name>-<n>)");
  CLI::Option* threads =
      app.add_option("--threads", options.threads, "Worker threads; the result does not depend on it")
          ->check(CLI::Range(1, 1024))
          ->capture_default_str();
  CLI::Option* quiet = app.add_flag("--quiet", options.quiet, "Only warnings and the final result");
  app.add_flag("--dry-run", options.dry_run,
               "Check everything, print shapes, memory and time per epoch, write nothing");
  cnn::add_version(app, "cnn-train");
  return cnn::run_program(app, argc, argv, [&] {
    if (!*folder && !*config) cnn::fail_usage("give --config FILE, or --init FOLDER for a first config");
    if (!*folder) return cnn::train(options);
    for (const CLI::Option* option : app.get_options())
      if (*option && option != folder && option != out && option != threads && option != quiet)
        cnn::fail_usage("{} does not go with --init, which only writes a config", option->get_name());
    init.threads = options.threads;
    init.quiet = options.quiet;
    return cnn::init(init);
  });
}
