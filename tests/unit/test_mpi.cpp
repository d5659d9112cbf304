// Whole programs under mpirun: the same bits as one process, and faults that end all of them.
#include <csignal>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "catch.h"
#include "mpirun.h"
#include "resumed_runs.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// Batches of 8 blocks, the last one of 2, of which a test with 8 processes has too few for all.
constexpr const char* kConfig = R"({
  "name": "together",
  "data": {
    "format": "folder", "train": "digits", "validation": {"fraction": 0.2}, "test": "digits",
    "image": {"channels": 1, "height": 28, "width": 28},
    "augment": [{"type": "random_translate", "pixels": 1}]
  },
  "network": [
    {"type": "conv", "out_channels": 4, "kernel_size": 5, "stride": 2},
    {"type": "batch_norm", "activation": "relu"},
    {"type": "max_pool", "kernel_size": 2},
    {"type": "flatten"},
    {"type": "dropout", "p": 0.2},
    {"type": "dense", "units": 10}
  ],
  "training": {
    "epochs": 2, "batch_size": 128,
    "optimizer": {"type": "adam", "learning_rate": 0.01},
    "schedule": {"type": "cosine", "warmup_epochs": 0.5}
  }
})";

/// A folder with the config, its data, and runs of it with and without mpirun.
class Together : public Runs {
 public:
  Together() {
    fs::create_directory_symlink(fs::path(CNN_SOURCE_DIR) / "data/digits/test", path("digits"));
    write_file_atomically(path("config.json"), kConfig);
  }
  ProgramResult train_with(int processes, std::vector<std::string> arguments,
                           const ProgramOptions& options = {}) const {
    return mpirun(processes, program_path("cnn-train"), std::move(arguments), options);
  }
  std::string post_mortem(const std::string& run) const { return read_file(path(run) / "post_mortem.json"); }
  /// A run in the folder `run`, whose result must be this one.
  void check(int processes, const std::string& threads, const std::vector<std::string>& more,
             const std::string& expected) const {
    fs::remove_all(path("run"));
    std::vector<std::string> arguments = start("run", more);
    arguments.insert(arguments.end(), {"--threads", threads});
    const ProgramResult result = train_with(processes, arguments);
    INFO(processes << " processes of " << threads << " threads\n" << result.description());
    REQUIRE(result.exit_code == 0);
    CHECK((this->result("run") == expected));
  }
};

/// Everything that has a state, or draws a random number for a batch.
const std::vector<std::vector<std::string>> kVariants = {
    {},
    {"--set", R"(data.augment=[{"type": "random_flip"}, {"type": "mixup"}])", "--set",
     R"(training.weight_averaging={"decay": 0.9})", "--set", R"(training.lookahead={"steps": 3})", "--set",
     R"(training.optimizer={"type": "muon", "learning_rate": 0.02, "others": {"type": "sgd", "learning_rate": 0.05}})",
     "--set", "data.cache_mb=0"},
    {"--set", "training.batch_size=50", "--set", "training.clip_gradient_norm=1", "--set",
     "training.class_weights=balanced", "--set", "training.label_smoothing=0.1", "--set",
     "network.1.activation=gelu"},
};

TEST_CASE("any number of processes and threads trains the same model, byte for byte", "[mpi]") {
  if (!mpirun_is_here()) return;
  const Together together;
  std::string expected = together.expected(kVariants[0]);
  together.check(2, "2", kVariants[0], expected);
  together.check(7, "1", kVariants[0], expected);
  expected = together.expected(kVariants[1]);
  together.check(3, "1", kVariants[1], expected);
}

TEST_CASE("1, 2, 3, 4, 7 and 8 processes of 1 and 2 threads train the same models", "[.][slow][mpi]") {
  if (!mpirun_is_here()) return;
  const Together together;
  for (const auto& variant : kVariants) {
    const std::string expected = together.expected(variant);
    for (const int processes : {1, 2, 3, 4, 7, 8})
      for (const char* threads : {"1", "2"}) together.check(processes, threads, variant, expected);
  }
}

TEST_CASE("a run goes on with another number of processes, or without MPI", "[mpi]") {
  if (!mpirun_is_here()) return;
  const Together together;
  together.require_success(together.train_with(2, together.start("run")));
  together.require_success(
      together.train_with(3, {"--resume", together.path("run").string(), "--set", "training.epochs=3"}));
  together.require_success(together.resume("run", {"--set", "training.epochs=4"}));
  const ProgramResult over = together.train_with(2, {"--resume", together.path("run").string()});
  INFO(over.description());
  CHECK(over.exit_code == 0);
  CHECK_THAT(over.out, ContainsSubstring("all 4 epochs are done"));
  // The schedule spans what a run is to have: compare with one that was extended in the same way.
  together.require_success(together.train(together.start("same")));
  together.require_success(together.resume("same", {"--set", "training.epochs=3"}));
  together.require_success(together.resume("same", {"--set", "training.epochs=4"}));
  CHECK((together.result("run") == together.result("same")));
}

ProgramOptions in_folder(const fs::path& folder) {
  ProgramOptions options;
  options.working_folder = folder;
  return options;
}

/// Starts a long run as processes that leave their numbers in files "pid0", "pid1", ...
class LongRun {
 public:
  explicit LongRun(int processes, const std::vector<std::string>& more = {})
      : program_(mpirun_path(), arguments(processes, more), mpirun_options(in_folder(together.path(".")))) {}
  Together together;
  RunningProgram& program() { return program_; }
  pid_t pid_of(int rank) const { return std::stoi(read_file(together.path("pid" + std::to_string(rank)))); }

 private:
  std::vector<std::string> arguments(int processes, const std::vector<std::string>& more) const {
    std::vector<std::string> all{"-c", "echo $$ > pid${OMPI_COMM_WORLD_RANK:-$PMI_RANK}; exec \"$@\"", "sh",
                                 program_path("cnn-train").string()};
    for (const std::string& word : together.start("run", more)) all.push_back(word);
    return mpirun_arguments(processes, "/bin/sh", all);
  }
  RunningProgram program_;
};

/// A run of so many epochs that can be interrupted anywhere, and extended.
std::vector<std::string> long_run(int epochs) {
  return {"--set", "training.epochs=" + std::to_string(epochs), "--set",     "training.checkpoint_steps=2",
          "--set", R"(training.schedule={"type": "constant"})", "--threads", "1"};
}
constexpr int kEndless = 1000000;

TEST_CASE("a killed process ends the job, and --resume goes on with what was saved", "[mpi]") {
  if (!mpirun_is_here()) return;
  const auto seed = static_cast<unsigned>(std::chrono::system_clock::now().time_since_epoch().count());
  INFO("seed " << seed);
  std::minstd_rand random(seed);
  const int victim = static_cast<int>(random() % 3);
  const auto moment = std::chrono::milliseconds(random() % 700);
  LongRun run(3, long_run(12));
  REQUIRE(run.program().wait_for_stderr("epoch 1/"));
  std::this_thread::sleep_for(moment);
  ::kill(run.pid_of(victim), SIGKILL);
  const ProgramResult killed = run.program().wait();
  INFO("rank " << victim << " after " << moment.count() << " ms\n" << killed.description());
  REQUIRE_FALSE(killed.timed_out);
  const ProgramResult resumed = run.together.train_with(2, {"--resume", run.together.path("run").string()});
  INFO(resumed.description());
  REQUIRE(resumed.exit_code == 0);
  CHECK((run.together.result("run") == run.together.expected(long_run(12))));
}

/// How often a text is in another one.
int count(const std::string& text, const std::string& word) {
  int found = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++found;
  return found;
}

TEST_CASE("a mistake in the command line or the config is told once", "[mpi]") {
  if (!mpirun_is_here()) return;
  const Together together;
  const auto check = [&](std::vector<std::string> arguments, const std::string& message) {
    const ProgramResult result = together.train_with(3, std::move(arguments));
    INFO(result.description());
    CHECK(result.exit_code == 2);
    CHECK(count(result.err, message) == 1);
    CHECK(count(result.err, "cnn-train: ") == 1);
    CHECK_FALSE(fs::exists(together.path("run")));
  };
  check({"--confg", "x"}, "there is no option --confg (did you mean \"--config\"?)");
  check(together.start("run", {"--set", "training.epoch=3"}), "did you mean \"epochs\"?");
  check(together.start("run", {"--set", "network.0.kernel_size=99"}), "99 is larger than its input 28x28");
}

/// Each process sees the data of a folder of its own: its working folder.
class Different {
 public:
  Different() {
    for (const char* rank : {"0", "1", "2"}) {
      fs::create_directory(together.path(rank));
      fs::copy(fs::path(CNN_SOURCE_DIR) / "data/digits/test", together.path(rank) / "digits",
               fs::copy_options::recursive);
    }
  }
  Together together;
  ProgramResult run(const std::string& cache_mb) const {
    std::vector<std::string> all{"-c", "cd ${OMPI_COMM_WORLD_RANK:-$PMI_RANK}; exec \"$@\"", "sh",
                                 program_path("cnn-train").string()};
    for (const std::string& word :
         together.start("run", {"--set", "data.train=/proc/self/cwd/digits", "--set",
                                "data.cache_mb=" + cache_mb, "--threads", "1"}))
      all.push_back(word);
    return mpirun(3, "/bin/sh", all, in_folder(together.path(".")));
  }
};

TEST_CASE("a process with other data ends all before the training, and says its rank", "[mpi]") {
  if (!mpirun_is_here()) return;
  const Different different;
  const fs::path there = different.together.path("1/digits");
  const auto check = [&](const std::string& message, const std::string& cache_mb = "1000") {
    const ProgramResult result = different.run(cache_mb);
    INFO(result.description());
    CHECK(result.exit_code == 1);
    CHECK(count(result.err, "cnn-train: rank 1 on ") == 1);
    CHECK_THAT(result.err, ContainsSubstring(message));
    CHECK_FALSE(fs::exists(different.together.path("run")));
  };
  fs::copy_file(there / "3/0000.png", there / "3/0001.png", fs::copy_options::overwrite_existing);
  check("the training images are not those of rank 0: /proc/self/cwd/digits/3/0001.png has other pixels");
  check("/proc/self/cwd/digits/3/0001.png: is not the file that rank 0 has", "0");
  fs::remove(there / "3/0001.png");
  check("the files are not those of rank 0");
  fs::remove_all(there);
  check("/proc/self/cwd/digits");
}

TEST_CASE("a number that is not finite ends all processes once, and loses nothing", "[mpi]") {
  if (!mpirun_is_here()) return;
  const Together together;
  const std::vector<std::string> wild{"--set", R"(training.optimizer={"type": "sgd", "learning_rate": 1e18})",
                                      "--set", R"(training.schedule={"type": "constant"})"};
  const ProgramResult alone = together.train(together.start("alone", wild));
  const ProgramResult result = together.train_with(3, together.start("run", wild));
  INFO(result.description());
  CHECK(alone.exit_code == 1);
  CHECK(result.exit_code == 1);
  CHECK(count(result.err, "is not finite in epoch") == 1);
  CHECK(together.post_mortem("run") == together.post_mortem("alone"));
}

TEST_CASE("a rollback takes all processes back to the same checkpoint", "[.][slow][mpi]") {
  if (!mpirun_is_here()) return;
  const Together together;
  const std::vector<std::string> wild{"--set", R"(training.optimizer={"type": "sgd", "learning_rate": 1e18})",
                                      "--set", R"(training.schedule={"type": "constant"})",
                                      "--set", "training.on_non_finite=rollback"};
  const ProgramResult alone = together.train(together.start("alone", wild));
  const ProgramResult result = together.train_with(3, together.start("run", wild));
  INFO(alone.description() << result.description());
  CHECK(result.exit_code == alone.exit_code);
  CHECK(count(alone.err, "went back to") > 0);
  CHECK(count(result.err, "went back to") == count(alone.err, "went back to"));
  CHECK(together.post_mortem("run") == together.post_mortem("alone"));
}

#ifdef CNN_FAULTS
TEST_CASE("a full disk on the machine of process 0 ends all, and costs nothing", "[mpi]") {
  if (!mpirun_is_here()) return;
  const Together together;
  const std::string expected = together.expected();
  ProgramOptions options;
  options.environment = {{"LD_PRELOAD", CNN_FAULTS},
                         {"CNN_FAULT_FOLDER", together.path("run").string()},
                         {"CNN_FAULT", "enospc:20:100000"}};
  const ProgramResult full = mpirun(2, program_path("cnn-train"), together.start("run"), options);
  INFO(full.description());
  CHECK(full.exit_code == 1);
  CHECK_THAT(full.err, ContainsSubstring("No space left on device"));
  const ProgramResult resumed = together.train_with(3, {"--resume", together.path("run").string()});
  INFO(resumed.description());
  REQUIRE(resumed.exit_code == 0);
  CHECK((together.result("run") == expected));
}
#endif

TEST_CASE("SIGUSR1 and SIGINT at mpirun save, and the run goes on as if nothing had happened", "[mpi]") {
  if (!mpirun_is_here()) return;
  LongRun run(2, long_run(kEndless));
  REQUIRE(run.program().wait_for_stderr("epoch 2/"));
  run.program().send(SIGUSR1);
  REQUIRE(run.program().wait_for_stderr("saved, as SIGUSR1 asked"));
  run.program().send(SIGINT);
  const ProgramResult result = run.program().wait();
  INFO(result.description());
  CHECK(result.exit_code != 0);
  CHECK(count(result.err, "interrupted after ") == 1);
  const nlohmann::json report = nlohmann::json::parse(read_file(run.together.path("run/result.json")));
  CHECK(report["finished"] == false);
  const int epochs = report["epochs"].get<int>() + 1;
  run.together.require_success(run.together.train_with(
      3,
      {"--resume", run.together.path("run").string(), "--set", "training.epochs=" + std::to_string(epochs)}));
  CHECK((run.together.result("run") == run.together.expected(long_run(epochs))));
}

TEST_CASE("a signal at one process stops all, with its exit status", "[mpi]") {
  if (!mpirun_is_here()) return;
  LongRun run(2, long_run(kEndless));
  REQUIRE(run.program().wait_for_stderr("epoch 1/"));
  ::kill(run.pid_of(1), SIGTERM);
  const ProgramResult result = run.program().wait();
  INFO(result.description());
  CHECK(result.exit_code == 143);
  CHECK(count(result.err, "interrupted after ") == 1);
}

TEST_CASE("cnn-eval under mpirun gives the results of one process", "[mpi]") {
  if (!mpirun_is_here()) return;
  const Together together;
  together.require_success(together.train(together.start("run", {"--set", "training.epochs=1", "--quiet"})));
  fs::copy(fs::path(CNN_SOURCE_DIR) / "data/digits/test", together.path("some"), fs::copy_options::recursive);
  write_file_atomically(together.path("some/5/0003.png"), "not an image");
  const auto evaluate = [&](const std::string& name, int processes) {
    const std::vector<std::string> arguments{"--model",       together.path("run/best.safetensors").string(),
                                             "--images",      together.path("some").string(),
                                             "--predictions", together.path(name + ".csv").string(),
                                             "--report",      together.path(name + ".html").string(),
                                             "--json",        together.path(name + ".json").string(),
                                             "--threads",     "1"};
    const ProgramResult result = processes == 0 ? run_program(program_path("cnn-eval"), arguments)
                                                : mpirun(processes, program_path("cnn-eval"), arguments);
    INFO(result.description());
    CHECK(result.exit_code == 1);
    CHECK(count(result.err, "0003.png") == 1);
    return result.out + read_file(together.path(name + ".csv")) + read_file(together.path(name + ".json"));
  };
  const std::string expected = evaluate("alone", 0);
  for (const int processes : {2, 5}) CHECK((evaluate("together", processes) == expected));
}

TEST_CASE("--seeds deals whole runs to the processes", "[mpi]") {
  if (!mpirun_is_here()) return;
  const Together together;
  const std::vector<std::string> seeds{"--seeds", "3",     "--quiet",          "--threads",
                                       "1",       "--set", "training.epochs=1"};
  const ProgramResult alone = together.train(together.start("alone", seeds));
  const ProgramResult result = together.train_with(2, together.start("run", seeds));
  INFO(result.description());
  REQUIRE(result.exit_code == 0);
  for (const char* file : {"seeds.json", "seeds.csv"})
    CHECK((read_file(together.path("run") / file) == read_file(together.path("alone") / file)));
  for (const char* seed : {"seed-1", "seed-2", "seed-3"})
    CHECK((together.result(std::string("run/") + seed) == together.result(std::string("alone/") + seed)));
  CHECK(result.out.substr(0, result.out.find("summary")) == alone.out.substr(0, alone.out.find("summary")));
  CHECK(together.train_with(2, {"--resume", together.path("run").string()}).exit_code == 0);
}

TEST_CASE("what one process does by itself is done once", "[mpi]") {
  if (!mpirun_is_here()) return;
  const Together together;
  const ProgramResult dry = together.train_with(2, together.start("run", {"--dry-run"}));
  INFO(dry.description());
  CHECK(dry.exit_code == 0);
  CHECK(count(dry.out, "nothing was written") == 1);
  const ProgramResult sweep = together.train_with(2, together.start("lr", {"--find-lr", "20", "--quiet"}));
  INFO(sweep.description());
  CHECK(sweep.exit_code == 0);
  CHECK(count(sweep.out, "report: ") == 1);
  together.require_success(together.train(together.start("lr1", {"--find-lr", "20", "--quiet"})));
  CHECK((read_file(together.path("lr/learning_rates.csv")) ==
         read_file(together.path("lr1/learning_rates.csv"))));
  CHECK(count(together.train_with(2, {"--version"}).out, "cnn-train ") == 1);
}

TEST_CASE("log and report say how many processes there were, and how long they waited", "[mpi]") {
  if (!mpirun_is_here()) return;
  const Together together;
  together.require_success(together.train_with(2, together.start("run", {"--quiet"})));
  CHECK_THAT(read_file(together.path("run/train.log")), ContainsSubstring("2 processes; this one waited "));
  CHECK_THAT(read_file(together.path("run/report.html")), ContainsSubstring(">processes<"));
  const ProgramResult small =
      together.train_with(2, together.start("small", {"--quiet", "--set", "training.batch_size=16"}));
  together.require_success(small);
  CHECK(count(small.err, "has 1 block of 16, so 1 of the 2 processes have nothing to do") == 1);
  together.require_success(together.train(together.start("one", {"--quiet"})));
  CHECK_THAT(read_file(together.path("one/train.log")), !ContainsSubstring("waited"));
}

TEST_CASE("one of several processes that cannot join the others refuses to train by itself", "[cluster]") {
  const Runs runs;
  // The variables of another MPI's mpirun, or a build without MPI.
  const auto start = [&](const char* rank) {
    ProgramOptions options = mpirun_options();
    options.environment.emplace_back("MV2_COMM_WORLD_RANK", rank);
    options.environment.emplace_back("MV2_COMM_WORLD_SIZE", "2");
    return runs.train(runs.start("run"), options);
  };
  const ProgramResult first = start("0"), second = start("1");
  INFO(first.description());
  CHECK(first.exit_code == 2);
  CHECK_THAT(first.err, ContainsSubstring("this is one of 2 processes of an mpirun"));
  CHECK(second.exit_code == 2);
  CHECK(second.err.empty());
  CHECK_FALSE(fs::exists(runs.path("run")));
}

}  // namespace
}  // namespace cnn
