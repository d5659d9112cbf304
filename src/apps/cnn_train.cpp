// cnn-train: trains the network of a config and leaves a run folder. Command line and wiring only.
#include <spdlog/spdlog.h>

#include <filesystem>
#include <limits>
#include <optional>

#include "apps/command_line.h"
#include "apps/joint_program.h"
#include "apps/modes.h"
#include "cluster/messages.h"
#include "config/config.h"
#include "config/spec_places.h"
#include "core/standard_streams.h"
#include "core/text.h"
#include "data/store_folder.h"
#include "session/data_paths.h"
#include "session/dry_run.h"
#include "session/find_lr.h"
#include "session/interruption.h"
#include "session/resume.h"
#include "session/seeds.h"
#include "session/shared_document.h"
#include "session/training_run.h"
#include "starter/init.h"
#include "train/run_folder.h"
#include "train/seed_results.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

struct Options {
  fs::path config, run_dir;
  std::vector<std::string> overrides;
  int threads = 1, seeds = 0;  // seeds 0: --seeds was not given
  LayerStatisticsRequest layers;
  std::optional<SweepRange> sweep;  // --find-lr
  bool quiet = false, dry_run = false;
};

/// The ways in which cnn-train works; each is chosen by an option of its own.
const std::vector<Mode> kModes = {
    {"--resume",
     ", which continues the run as it is",
     {"--set", "--threads", "--no-cache", "--quiet", "--layer-stats", "--layer-stats-every"}},
    {"--find-lr",
     ", which only looks for a learning rate",
     {"--config", "--set", "--run-dir", "--threads", "--no-cache", "--quiet"}},
    {"--init",
     ", which only writes a config",
     {"--out", "--from", "--classes", "--size", "--epochs", "--network", "--threads", "--quiet"}},
    {"--dry-run",
     ", which trains no epoch",
     {"--config", "--set", "--run-dir", "--seeds", "--threads", "--no-cache", "--quiet"}},
    {"",
     "",
     {"--config", "--set", "--run-dir", "--seeds", "--threads", "--no-cache", "--quiet", "--layer-stats",
      "--layer-stats-every"}},
};

/// What a dry run says at its end.
void print_dry_run(const Options& options, const Config& config, double seconds, const fs::path& folder) {
  if (options.seeds > 0)
    print_out("{} seeds, {} to {}, in about {}\n", options.seeds, config.seed,
              config.seed + static_cast<std::uint64_t>(options.seeds) - 1,
              human_seconds(seconds * options.seeds));
  print_out("nothing was written; the run folder would be {}\n", printable(folder.string()));
}

/// Process 0 speaks for all.
Voice voice_of(const Options& options, const Cluster& cluster) {
  const Voice voice(options.quiet, options.layers);
  return cluster.is_root() ? voice : voice.silent();
}

int run(const Options& options, Cluster& cluster) {
  const Voice voice = voice_of(options, cluster);
  const Document document =
      shared_document(cluster, [&] { return Document::read(options.config, options.overrides); });
  const Config config = read_config(document);
  if (config.seed > std::numeric_limits<std::uint64_t>::max() - static_cast<std::uint64_t>(options.seeds))
    fail_usage("--seeds {}: there are not that many seeds from {} on", options.seeds, config.seed);
  // Shapes first: a mistake there should not have to wait for the data.
  const ImageSpec& image = config.data.image;
  with_places(document, [&] {
    Network(config.network, {.c = image.channels, .h = image.height, .w = image.width}, 0, 1);
  });
  Interruption interruption(Interruption::Work::to_come, !cluster.is_root());
  const std::string name = options.sweep ? config.name + "-lr" : config.name;
  fs::path folder;  // of process 0, as it looks now: what cannot be is refused before the data is read
  if (cluster.is_root()) folder = RunFolder::choose(options.run_dir, name);
  const auto claim = [&] { return RunFolder::claim(options.run_dir, name); };
  check_data_paths(document, config.data);
  ThreadPool pool(options.threads);
  const OpenedData opened = open_data(config.data, pool, voice, cluster);
  if (options.seeds > 0 && !options.dry_run)
    return static_cast<int>(
        train_seeds(document, config, opened, pool, claim, options.seeds, voice, interruption, cluster));

  TrainingSetup setup(document, config, opened, pool, nullptr, cluster);
  if (options.sweep)
    return static_cast<int>(find_learning_rate(setup, *options.sweep, claim, voice, interruption));
  if (options.dry_run) return print_dry_run(options, config, dry_run(setup, voice), folder), 0;
  const TrainingOutcome outcome = train(setup, claim, voice, interruption);
  if (cluster.is_root()) print_outcome(outcome);
  return static_cast<int>(outcome.code);
}

/// What a command line asks for.
struct Wishes {
  Options options;
  InitOptions init;
  ResumeOptions resume;
  std::string classes, network;  // of --init
  int sweep_steps = 0;           // stays 0 without a number
};

void add_options(CLI::App& app, Wishes& wishes) {
  auto& [options, init, resume, classes, network, sweep_steps] = wishes;
  app.add_option("--config", options.config, "The config (JSON)");
  app.add_option(
      "--resume", resume.folder,
      "Continue the run in this folder, or the runs of --seeds, bit for bit as if it had never stopped");
  CLI::Option* folder =
      app.add_option("--init", init.folder,
                     "Look at a folder of images with one subfolder per class (or with folders train, "
                     "validation and test), and write a config for it with the reasons");
  app.add_option("--out", init.out, "With --init: write the config to this new file (default: stdout)")
      ->needs(folder);
  app.add_option("--from", init.wishes.from,
                 "With --init: start from these weights (.safetensors) of torchvision's ResNet-18 or -34, "
                 "MobileNetV2 or V3-Small, of Keras' MobileNetV1, or of a model of cnn-train")
      ->needs(folder);
  app.add_option(
         "--classes", classes,
         "With --init: which folders are the classes: top (those directly in the folder) or leaf (every "
         "folder that holds images itself)")
      ->check(CLI::IsMember({"top", "leaf"}))
      ->needs(folder);
  app.add_option("--size", init.wishes.side, "With --init: pixels of the longer side of the network's image")
      ->check(CLI::Range(8, 1024))
      ->needs(folder);
  app.add_option("--epochs", init.wishes.epochs, "With --init: epochs of the training")
      ->check(CLI::Range(1, 100000))
      ->needs(folder);
  app.add_option("--network", network,
                 "With --init: small, medium or large: 16, 32 or 64 maps in the first stage (default: by the "
                 "number of images and classes)")
      ->check(CLI::IsMember({"small", "medium", "large"}))
      ->excludes("--from")
      ->needs(folder);
  app.add_option(
         "--set", options.overrides,
         "Override a value of the config, as in training.epochs=3; entries of lists by number from 0, as in "
         "network.1.kernel_size=3, or by their \"name\" (repeatable)")
      ->allow_extra_args(false);
  app.add_option("--run-dir", options.run_dir,
                 "Folder for the results; must be new or empty (default: runs/<name>-<n>)");
  app.add_option("--seeds", options.seeds,
                 "Train N times, with seed, seed + 1, ...; print mean and standard deviation at the end")
      ->check(CLI::Range(1, kMostSeeds));
  app.add_option("--threads", options.threads,
                 "Worker threads (default: all available cores; of each process under mpirun: its share of "
                 "them); the result does not depend on it")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_flag_callback(
      "--no-cache", disable_user_store,
      "This time, neither use nor keep decoded images and features on disk (for good: data.disk_cache_mb)");
  app.add_flag("--quiet", options.quiet, "Print only warnings and the final result");
  app.add_flag("--layer-stats", options.layers.every_epoch,
               "Log the share of active values, mean, standard deviation and gradient "
               "norm of every layer after each epoch");
  app.add_option("--layer-stats-every", options.layers.every_steps,
                 "Log the same every so many steps, over the images of that step")
      ->check(CLI::Range(1, 1000000000));
  app.add_option("--find-lr", sweep_steps,
                 "Train a few steps with rising learning rates, and suggest one (default: 100 steps)")
      ->expected(0, 1)
      ->check(CLI::Range(20, 100000));
  app.add_flag("--dry-run", options.dry_run,
               "Check everything and print shapes, memory and time per epoch; write nothing");
  add_version(app, "cnn-train");
}

int resume_what(ResumeOptions resume, const Options& options, Cluster& cluster) {
  resume.overrides = options.overrides;
  resume.threads = options.threads;
  bool seeds = cluster.is_root() && is_folder_of_seeds(resume.folder);
  broadcast_value(cluster, seeds);
  const Voice voice = voice_of(options, cluster);
  return seeds ? resume_seeds(resume, voice, cluster) : cnn::resume(resume, voice, cluster);
}

/// What one process does by itself, whatever others there are.
int alone_or_idle(const Cluster& cluster, const std::function<int()>& body) {
  return cluster.is_root() ? body() : 0;
}

int carry_out(const CLI::App& app, Wishes& wishes, Cluster& cluster) {
  Options& options = wishes.options;
  const auto given = [&](const char* name) { return app.get_option(name)->count() > 0; };
  if (!given("--init") && !given("--config") && !given("--resume"))
    fail_usage("give --config FILE, --resume FOLDER, or --init FOLDER for a first config");
  check_options(app, kModes, chosen_mode(app, kModes));
  if (given("--init")) {
    if (!wishes.classes.empty())
      wishes.init.class_folders = wishes.classes == "leaf" ? ClassFolders::leaf : ClassFolders::top;
    for (const auto& [word, size] : kWords<NetworkSize>)
      if (wishes.network == word) wishes.init.wishes.network = size;
    wishes.init.threads = options.threads;
    wishes.init.quiet = options.quiet;
    return alone_or_idle(cluster, [&] { return init(wishes.init); });
  }
  if (given("--resume")) return resume_what(wishes.resume, options, cluster);
  if (given("--find-lr"))
    options.sweep = SweepRange{.steps = wishes.sweep_steps == 0 ? SweepRange().steps : wishes.sweep_steps};
  if (options.dry_run) return alone_or_idle(cluster, [&] { return run(options, alone()); });
  return run(options, cluster);
}

}  // namespace
}  // namespace cnn

int main(int argc, char** argv) {
  CLI::App app("Trains the convolutional network that a JSON config describes", "cnn-train");
  cnn::Wishes wishes;
  return cnn::run_joint_program(app, argc, argv, [&](cnn::Job& job) {
    wishes.options.threads = job.threads();
    cnn::add_options(app, wishes);
    return [&] { return cnn::carry_out(app, wishes, job.cluster()); };
  });
}
