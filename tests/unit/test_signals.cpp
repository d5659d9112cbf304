// SIGINT, SIGTERM and SIGUSR1 in every phase of cnn-train.
#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <thread>

#include "catch.h"
#include "resumed_runs.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// Few images to train on, many to evaluate, and a network that takes its time.
constexpr const char* kSlowEvaluation = R"({
  "data": {"format": "folder", "train": "few", "image": {"channels": 1, "height": 28, "width": 28}},
  "network": [
    {"type": "conv", "out_channels": 64, "kernel_size": 5, "padding": 2, "activation": "relu"},
    {"type": "conv", "out_channels": 64, "kernel_size": 5, "padding": 2, "activation": "relu"},
    {"type": "global_avg_pool"}, {"type": "dense", "units": 10}
  ],
  "training": {"epochs": 1, "batch_size": 10, "checkpoint_steps": 1,
               "optimizer": {"type": "sgd", "learning_rate": 0.01}}
})";

/// kSlowEvaluation with its data beside it, run into the folder "run".
class SlowEvaluation {
 public:
  SlowEvaluation() {
    const fs::path digits = fs::path(CNN_SOURCE_DIR) / "data/digits/test";
    for (const auto& folder : fs::directory_iterator(digits)) {
      const fs::path few = folder_.path() / "few" / folder.path().filename();
      fs::create_directories(few);
      fs::copy_file(fs::directory_iterator(folder.path())->path(), few / "image.png");
    }
    write_file_atomically(folder_.path() / "config.json", kSlowEvaluation);
  }
  fs::path run() const { return folder_.path() / "run"; }
  /// `which` set ("validation", "test") gets the many images.
  std::vector<std::string> arguments(const std::string& which) const {
    const std::string many = (fs::path(CNN_SOURCE_DIR) / "data/digits/train").string();
    return {"--config",  (folder_.path() / "config.json").string(),
            "--run-dir", run().string(),
            "--set",     "data." + which + "=" + many,
            "--threads", "1"};
  }

 private:
  TemporaryFolder folder_;
};

/// Waits for a file that the program writes.
bool appears(const fs::path& path) {
  for (int i = 0; i < 6000; ++i, std::this_thread::sleep_for(10ms))
    if (fs::exists(path)) return true;
  return false;
}

TEST_CASE("SIGINT in the evaluation of an epoch, and of the test, does not wait for its end", "[resume]") {
  for (const char* which : {"validation", "test"}) {
    const SlowEvaluation slow;
    RunningProgram program(program_path("cnn-train"), slow.arguments(which));
    // The last step is saved, or the only epoch is written: what follows is the evaluation.
    REQUIRE(appears(slow.run() / (std::string(which) == "test" ? "last.safetensors" : "checkpoint/a.ckpt")));
    std::this_thread::sleep_for(100ms);
    program.send(SIGINT);
    const auto start = std::chrono::steady_clock::now();
    const ProgramResult result = program.wait();
    INFO(which << "\n" << result.description());
    CHECK(result.exit_code == 130);
    CHECK(std::chrono::steady_clock::now() - start < 20s);  // sanitizers and busy machines included
    CHECK(nlohmann::json::parse(read_file(slow.run() / "result.json"))["finished"] == false);
  }
}

TEST_CASE("a second SIGINT ends the program at once", "[resume]") {
  const SlowEvaluation slow;
  RunningProgram program(program_path("cnn-train"), slow.arguments("validation"));
  REQUIRE(appears(slow.run() / "config.json"));
  program.send(SIGSTOP);  // so that both are there before it can act on one of them
  program.send(SIGINT);
  program.send(SIGTERM);
  program.send(SIGCONT);
  const ProgramResult both = program.wait();
  INFO(both.description());
  CHECK((both.exit_code == 130 || both.exit_code == 143));

  const SlowEvaluation other;
  RunningProgram twice(program_path("cnn-train"), other.arguments("validation"));
  REQUIRE(appears(other.run() / "config.json"));
  int sent = 0;
  for (; sent < 10000; ++sent) twice.send(SIGINT);  // one is caught, the next one it takes notice of is not
  const ProgramResult result = twice.wait();
  INFO(result.description());
  CHECK((result.signal == SIGINT || result.exit_code == 130));
}

TEST_CASE("nohup keeps SIGHUP away, and a script's background job still obeys SIGINT", "[resume]") {
  const TemporaryFolder folder;
  RunningProgram program(
      "/bin/sh", {"-c", "trap '' HUP INT; exec \"$@\"", "sh", program_path("cnn-train").string(), "--config",
                  (fs::path(CNN_SOURCE_DIR) / "configs/digits-lenet5.json").string(), "--set",
                  "training.epochs=100000", "--run-dir", (folder.path() / "run").string()});
  REQUIRE(program.wait_for_stderr("epoch 1/"));
  program.send(SIGHUP);
  REQUIRE(program.wait_for_stderr("epoch 5/"));
  program.send(SIGINT);
  const ProgramResult result = program.wait();
  INFO(result.description());
  CHECK(result.exit_code == 130);
}

TEST_CASE("a signal while the images are read ends the program with 130 or 143, and leaves nothing",
          "[resume]") {
  int with_code = 0;
  for (const auto& [signal, code] : {std::pair{SIGINT, 130}, std::pair{SIGTERM, 143}})
    for (int ms = 0; ms <= 500; ms += 50) {
      const TemporaryFolder folder;
      RunningProgram program(
          program_path("cnn-train"),
          {"--config", (fs::path(CNN_SOURCE_DIR) / "configs/digits-lenet5.json").string(), "--set",
           "training.epochs=1000", "--run-dir", (folder.path() / "run").string(), "--threads", "1"});
      std::this_thread::sleep_for(std::chrono::milliseconds(ms));
      program.send(signal);
      const ProgramResult result = program.wait();
      INFO("after " << ms << " ms: " << result.description());
      // Before the program has read its command line, the signal has its default effect.
      if (result.signal == signal && result.err.empty()) continue;
      ++with_code;
      CHECK(result.exit_code == code);
      if (result.err.find("before the training began") != std::string::npos)
        CHECK(fs::is_empty(folder.path()));
      else
        CHECK(fs::exists(folder.path() / "run/checkpoint"));
    }
  CHECK(with_code > 0);
}

TEST_CASE("SIGUSR1 saves and goes on", "[resume]") {
  const Runs runs;
  RunningProgram program(program_path("cnn-train"), runs.start("run", {"--set", "training.epochs=1000000"}));
  REQUIRE(program.wait_for_stderr("epoch 2/"));
  program.send(SIGUSR1);
  REQUIRE(program.wait_for_stderr("saved, as SIGUSR1 asked"));
  program.send(SIGUSR1);
  REQUIRE(program.wait_for_stderr("epochs and"));
  program.send(SIGTERM);
  const ProgramResult result = program.wait();
  INFO(result.description());
  CHECK(result.exit_code == 143);
}

TEST_CASE("a reader of the output that goes away does not end the training", "[resume]") {
  const Runs runs;
  const std::string command = "exec 2>&1; '" + program_path("cnn-train").string() + "' --config '" +
                              runs.path("config.json").string() + "' --run-dir '" +
                              runs.path("run").string() + "' --set training.epochs=30 | head -1";
  REQUIRE(run_program("/bin/sh", {"-c", command}).exit_code == 0);
  for (int i = 0; i < 3000 && !fs::exists(runs.path("run/result.json")); ++i)
    std::this_thread::sleep_for(10ms);
  CHECK(nlohmann::json::parse(read_file(runs.path("run/result.json")))["finished"] == true);
}

}  // namespace
}  // namespace cnn
