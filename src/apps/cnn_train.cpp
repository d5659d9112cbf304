// cnn-train: trains the network of a config and leaves a run folder. Command line and wiring only.
#include <spdlog/spdlog.h>

#include <filesystem>

#include "apps/command_line.h"
#include "apps/init.h"
#include "apps/interruption.h"
#include "apps/places.h"
#include "apps/training_run.h"
#include "config/config.h"
#include "core/text.h"
#include "train/run_folder.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

struct Options {
  fs::path config, run_dir;
  std::vector<std::string> overrides;
  int threads = usable_processors();
  bool quiet = false, dry_run = false;
};

int train(const Options& options) {
  const auto log = console_log(options.quiet);
  const Document document = Document::read(options.config, options.overrides);
  const Config config = read_config(document);
  // Shapes first: a mistake there should not have to wait for the data.
  const ImageSpec& image = config.data.image;
  with_places(document, [&] {
    Network(config.network, {.c = image.channels, .h = image.height, .w = image.width}, 0, 1);
  });
  const fs::path folder = RunFolder::choose(options.run_dir, config.name);
  ThreadPool pool(options.threads);
  const OpenedData opened = open_data(config.data, pool, options.quiet);

  TrainingRun run(document, config, opened, pool, log, options.quiet);
  if (options.dry_run) {
    run.dry_run();
    fmt::print("nothing was written; the run folder would be {}\n", printable(folder.string()));
    return 0;
  }
  const Interruption interruption;
  const TrainingRun::Result result = run.train(folder, interruption);
  if (result.code == ExitCode::done)
    fmt::print("{}\nmodel: {}\n", result.summary, printable((folder / "best.safetensors").string()));
  return static_cast<int>(result.code);
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
