// cnn-train --resume: after any end, the run is bit for bit the one that never ended.
#include <sys/stat.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <thread>

#include "catch.h"
#include "core/file.h"
#include "core/random.h"
#include "resumed_runs.h"
#include "run_program.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

/// Starts a run, kills it after a random while, resumes it, kills that ... with changing numbers of threads,
/// until it ends by itself.
int kills_until_done(const Runs& runs, const std::string& run, std::uint32_t seed, int longest_ms) {
  Random random(seed, Purpose::digits);
  for (int kills = 0;; ++kills) {
    const bool begun = fs::exists(runs.path(run) / "config.json");
    std::vector<std::string> arguments =
        begun ? std::vector<std::string>{"--resume", runs.path(run).string()} : runs.start(run);
    arguments.insert(arguments.end(), {"--quiet", "--threads", std::to_string(1 + random.below(3))});
    if (!begun) fs::remove_all(runs.path(run));  // killed between making the folder and its first file
    RunningProgram program(program_path("cnn-train"), arguments);
    // Ever longer, so that it comes to an end.
    const auto wait = random.below(static_cast<std::uint32_t>(longest_ms)) * (1 + kills / 8);
    std::this_thread::sleep_for(std::chrono::milliseconds(wait));
    program.send(SIGKILL);
    const ProgramResult result = program.wait();
    INFO(result.description());
    if (result.signal == SIGKILL) continue;
    REQUIRE(result.exit_code == 0);
    return kills;
  }
}

TEST_CASE("a run that is killed again and again ends with the same bits", "[resume]") {
  const Runs runs;
  const std::string expected = runs.expected();
  for (std::uint32_t seed = 1; seed <= 3; ++seed) {
    const std::string run = "run" + std::to_string(seed);
    INFO("seed " << seed << ", " << kills_until_done(runs, run, seed, 60) << " kills");
    CHECK((runs.result(run) == expected));
  }
}

TEST_CASE("hundreds of kills, and the same bits", "[.][slow]") {
  const Runs runs;
  const std::string expected = runs.expected();
  int kills = 0;
  for (std::uint32_t seed = 100; kills < 300; ++seed) {
    const std::string run = "run" + std::to_string(seed);
    kills += kills_until_done(runs, run, seed, 60);
    INFO("seed " << seed << ", " << kills << " kills so far");
    CHECK((runs.result(run) == expected));
  }
}

TEST_CASE("an interrupted run goes on with another number of threads, with the same bits", "[resume]") {
  const Runs runs;
  const std::string expected = runs.expected({"--threads", "1", "--set", "training.epochs=60"});
  RunningProgram program(program_path("cnn-train"),
                         runs.start("run", {"--threads", "3", "--set", "training.epochs=60"}));
  REQUIRE(program.wait_for_stderr("epoch 3/60"));
  program.send(SIGINT);
  const ProgramResult interrupted = program.wait();
  INFO(interrupted.description());
  REQUIRE(interrupted.exit_code == 130);
  CHECK_THAT(interrupted.err, ContainsSubstring("--resume"));
  CHECK(nlohmann::json::parse(read_file(runs.path("run/result.json")))["finished"] == false);
  const ProgramResult resumed = runs.resume("run", {"--threads", "2"});
  runs.require_success(resumed);
  CHECK_THAT(resumed.err, ContainsSubstring("goes on after"));
  CHECK((runs.result("run") == expected));
}

TEST_CASE("a finished run has nothing left to do, and can be made longer", "[resume]") {
  const Runs runs;
  const std::vector<std::string> constant{"--set", "training.schedule.type=\"constant\""};
  const std::string expected = runs.expected(constant);
  const ProgramResult again = runs.resume("undisturbed");
  runs.require_success(again);
  CHECK_THAT(again.out, ContainsSubstring("epochs are done; to train longer"));
  CHECK((runs.result("undisturbed") == expected));

  // A value that nothing would read is refused, and leaves the run as it is.
  const ProgramResult late = runs.resume("undisturbed", {"--set", "data.test_time_augmentation=\"flip\""});
  INFO(late.description());
  CHECK(late.exit_code == 2);
  CHECK_THAT(late.err, ContainsSubstring("finished") &&
                           ContainsSubstring("data.test_time_augmentation was") &&
                           ContainsSubstring("training.epochs=N"));
  CHECK((runs.result("undisturbed") == expected));

  std::vector<std::string> shorter = constant;
  shorter.insert(shorter.end(), {"--set", "training.epochs=2"});
  runs.require_success(runs.train(runs.start("run", shorter)));
  const ProgramResult longer = runs.resume("run", {"--set", "training.epochs=4"});
  runs.require_success(longer);
  CHECK_THAT(longer.err, ContainsSubstring("training.epochs was 2 and is 4"));
  CHECK((runs.result("run") == expected));
}

TEST_CASE("a schedule over all epochs that is made longer says so", "[resume]") {
  const Runs runs;
  runs.require_success(runs.train(runs.start("run", {"--set", "training.epochs=2"})));
  const ProgramResult longer = runs.resume("run", {"--set", "training.epochs=3"});
  runs.require_success(longer);
  CHECK_THAT(
      longer.err,
      ContainsSubstring("the schedule now spans 3 epochs: the learning rate continues at 0.00371 (the old "
                        "schedule had ended)"));
  CHECK_THAT(read_file(runs.path("run/train.log")), ContainsSubstring("the schedule now spans 3 epochs"));
}

TEST_CASE("a schedule over all epochs that is made longer on the way names both rates", "[resume]") {
  const Runs runs;
  RunningProgram program(program_path("cnn-train"), runs.start("run", {"--set", "training.epochs=2000"}));
  REQUIRE(program.wait_for_stderr("epoch 2/"));
  program.send(SIGINT);
  REQUIRE(program.wait().exit_code == 130);
  RunningProgram longer(program_path("cnn-train"),
                        {"--resume", runs.path("run").string(), "--set", "training.epochs=3000"});
  CHECK(longer.wait_for_stderr("the schedule now spans 3000 epochs: the learning rate continues at 0.0"));
  CHECK(longer.wait_for_stderr(" instead of 0.0"));
}

TEST_CASE("changes of the config that break the meaning are refused, others are said", "[resume]") {
  const Runs runs;
  runs.require_success(runs.train(runs.start("run", {"--set", "training.epochs=2"})));
  const std::string before = runs.result("run");
  const auto refused = [&](const std::string& set, const std::string& message) {
    const ProgramResult result = runs.resume("run", {"--set", set});
    INFO(result.description());
    CHECK(result.exit_code == 2);
    CHECK_THAT(result.err, ContainsSubstring(message));
    CHECK((runs.result("run") == before));
  };
  refused("seed=2", "seed was 1 and is 2");
  refused("training.batch_size=16", "training.batch_size was 8 and is 16");
  refused("network.0.out_channels=5", "network.0.out_channels was 4 and is 5");
  refused("training.optimizer={\"type\": \"sgd\", \"learning_rate\": 0.1}", "training.optimizer.type");
  refused("data.validation.fraction=0.2", "data.validation.fraction was 0.3 and is 0.2");
  refused("data.validation=null", "data.validation was {\"fraction\": 0.3} and is null");
  refused(R"(data.validation={"images": "images.idx.gz", "labels": "labels.idx"})",
          "data.validation.fraction was 0.3 and is nothing");
  refused("training.epochs=1", "this run has begun 2 epochs");
  refused("training.epocs=3", "did you mean \"epochs\"");
  const ProgramResult slower =
      runs.resume("run", {"--set", "training.optimizer.learning_rate=0.001", "--set", "training.epochs=3"});
  runs.require_success(slower);
  CHECK_THAT(slower.err, ContainsSubstring("learning_rate was 0.01 and is 0.001 from here on"));
  const ProgramResult looks =
      runs.resume("run", {"--set", "data.test_time_augmentation=\"flip\"", "--set", "training.epochs=4"});
  runs.require_success(looks);
  CHECK_THAT(looks.err, ContainsSubstring("data.test_time_augmentation was \"none\" and is \"flip\"\n"));
}

TEST_CASE("a validation set may move, but not come to a run that had none", "[resume]") {
  const Runs runs;
  const std::string set = R"(data.validation={"images": ")", labels = R"(", "labels": "labels.idx"})";
  runs.require_success(
      runs.train(runs.start("run", {"--set", set + "images.idx.gz" + labels, "--set", "training.epochs=1"})));
  fs::create_directory(runs.path("moved"));
  fs::rename(runs.path("images.idx.gz"), runs.path("moved/images.idx.gz"));
  const auto moved = [&](const std::string& key) {
    return "data." + key + ".images=" + runs.path("moved/images.idx.gz").string();
  };
  runs.require_success(runs.resume(
      "run", {"--set", moved("train"), "--set", moved("validation"), "--set", "training.epochs=2"}));
  runs.require_success(runs.train(runs.start(
      "none", {"--set", moved("train"), "--set", "data.validation=null", "--set", "training.epochs=1"})));
  const ProgramResult added = runs.resume("none", {"--set", "data.validation={\"fraction\": 0.2}"});
  INFO(added.description());
  CHECK(added.exit_code == 2);
  CHECK_THAT(added.err, ContainsSubstring("data.validation was null and is {\"fraction\": 0.2}"));
}

TEST_CASE("a run that was killed before its first checkpoint starts over", "[resume]") {
  const Runs runs;
  const std::string expected = runs.expected();
  runs.require_success(runs.train(runs.start("run", {"--set", "training.epochs=1"})));
  // As if the end had come between the tables of the first epoch and its checkpoint.
  fs::remove_all(runs.path("run/checkpoint"));
  fs::remove(runs.path("run/result.json"));
  const ProgramResult result = runs.resume("run", {"--set", "training.epochs=4"});
  runs.require_success(result);
  CHECK_THAT(result.err, ContainsSubstring("starts over"));
  CHECK((runs.result("run") == expected));
}

TEST_CASE("a damaged checkpoint is named and the older one used; two are the end", "[resume]") {
  const Runs runs;
  const std::string expected = runs.expected();
  runs.require_success(runs.train(runs.start("run", {"--set", "training.epochs=4"})));
  // The result is written after the last checkpoint: without it the run is not finished.
  fs::remove(runs.path("run/result.json"));
  const fs::path a = runs.path("run/checkpoint/a.ckpt"), b = runs.path("run/checkpoint/b.ckpt");
  const fs::path newest = fs::last_write_time(a) > fs::last_write_time(b) ? a : b;
  std::string bytes = read_file(newest);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  write_file_atomically(newest, bytes);
  const ProgramResult result = runs.resume("run");
  runs.require_success(result);
  CHECK_THAT(result.err, ContainsSubstring("ckpt: is damaged") && ContainsSubstring("other checkpoint"));
  CHECK((runs.result("run") == expected));
  for (const fs::path& file : {a, b}) fs::resize_file(file, 100);
  const ProgramResult none = runs.resume("run", {"--set", "training.epochs=5"});
  INFO(none.description());
  CHECK(none.exit_code == 1);
  CHECK_THAT(none.err, ContainsSubstring("every checkpoint is damaged"));
}

TEST_CASE("a run that lost its checkpoints is not trained over", "[resume]") {
  const Runs runs;
  runs.require_success(runs.train(runs.start("run")));
  const std::string before = runs.result("run");
  fs::remove_all(runs.path("run/checkpoint"));
  const ProgramResult result = runs.resume("run");
  INFO(result.description());
  CHECK(result.exit_code == 1);
  CHECK_THAT(result.err, ContainsSubstring("there is no checkpoint to continue from"));
  CHECK((runs.result("run") == before));
}

TEST_CASE("data that is not the same any more is noticed", "[resume]") {
  const Runs runs;
  runs.require_success(runs.train(runs.start("run")));
  std::string pixels = read_file_maybe_gz(runs.path("images.idx.gz"));
  for (std::size_t i = 23; i < pixels.size(); i += 4) pixels[i] = static_cast<char>(pixels[i] ^ 0x40);
  write_file_atomically(runs.path("images.idx.gz"), pixels);
  const ProgramResult result = runs.resume("run", {"--set", "training.epochs=5"});
  INFO(result.description());
  CHECK(result.exit_code == 1);
  CHECK_THAT(result.err, ContainsSubstring("the data has changed since this run began"));
}

TEST_CASE("classes that came, went or were renamed are named, with the way to a new run", "[resume]") {
  const TemporaryFolder folder;
  const fs::path digits = fs::path(CNN_SOURCE_DIR) / "data/digits/test", images = folder.path() / "images";
  fs::create_directories(images);
  for (const char* digit : {"1", "2", "3"})
    fs::copy(digits / digit, images / digit, fs::copy_options::recursive);
  write_file_atomically(folder.path() / "config.json", R"({
    "data": {"format": "folder", "train": "images", "image": {"channels": 1, "height": 8, "width": 8}},
    "network": [{"type": "flatten"}, {"type": "dense", "units": 3}],
    "training": {"epochs": 1, "batch_size": 32, "optimizer": {"type": "sgd", "learning_rate": 0.01}}})");
  const std::string run = (folder.path() / "run").string();
  REQUIRE(run_program(program_path("cnn-train"),
                      {"--config", (folder.path() / "config.json").string(), "--run-dir", run})
              .exit_code == 0);
  const auto refused = [&](const std::string& change, const std::string& advice) {
    const ProgramResult result =
        run_program(program_path("cnn-train"), {"--resume", run, "--set", "training.epochs=2"});
    INFO(result.description());
    CHECK(result.exit_code == 1);
    CHECK_THAT(result.err, ContainsSubstring("the data has changed since this run began: " + change) &&
                               ContainsSubstring("initial_weights") && ContainsSubstring(advice));
  };
  fs::copy(digits / "4", images / "4", fs::copy_options::recursive);
  refused("class \"4\" was added; there were",
          "\"except\": [\"dense1\"]}, so that the last layer learns anew, "
          "and let that layer give 4 values");
  fs::remove_all(images / "4");
  fs::rename(images / "3", images / "three");
  refused("class \"3\" was renamed to \"three\", or replaced by it", "\"except\": [\"dense1\"]}");
  fs::remove_all(images / "three");
  refused("class \"3\" was removed; there were", "let that layer give 2 values");
}

TEST_CASE("a folder that is not a run folder is refused, and two programs never share one", "[resume]") {
  const Runs runs;
  const auto refused = [&](const ProgramResult& result, const std::string& message) {
    INFO(result.description());
    CHECK(result.exit_code == 2);
    CHECK_THAT(result.err, ContainsSubstring(message));
  };
  refused(runs.resume("nowhere"), "there is no such folder");
  fs::create_directories(runs.path("empty"));
  refused(runs.resume("empty"), "has no config.json");
  refused(runs.resume("run", {"--config", "x.json"}), "--config does not go with --resume");
  refused(runs.resume("run", {"--seeds", "2"}), "--seeds does not go with --resume");
  RunningProgram program(program_path("cnn-train"), runs.start("run", {"--set", "training.epochs=1000000"}));
  REQUIRE(program.wait_for_stderr("epoch 2/"));
  refused(runs.resume("run"), "another program is training");
  program.send(SIGTERM);
  CHECK(program.wait().exit_code == 143);
}

TEST_CASE("a folder of runs is not resumed, one of them is", "[resume]") {
  const Runs runs;
  runs.require_success(runs.train(runs.start("all/one")));
  const ProgramResult all = runs.resume("all");
  CHECK(all.exit_code == 2);
  CHECK_THAT(all.err, ContainsSubstring("holds several runs") && ContainsSubstring("one"));
  runs.require_success(runs.resume("all/one", {"--set", "training.epochs=5"}));
}

TEST_CASE("--resume does not wait for a pipe in the place of a file", "[resume]") {
  const Runs runs;
  runs.require_success(runs.train(runs.start("run", {"--quiet", "--set", "training.epochs=1"})));
  for (const char* name :
       {"metrics.csv", "activations.csv", "best.safetensors", "train.log", "train_batch.png"}) {
    const fs::path file = runs.path("run") / name;
    const std::string content = read_file(file);
    fs::remove(file);
    REQUIRE(::mkfifo(file.c_str(), 0600) == 0);
    const ProgramResult result = runs.resume("run", {"--set", "training.epochs=2"});
    INFO(result.description());
    CHECK(result.exit_code == 1);
    CHECK_THAT(result.err,
               ContainsSubstring(std::string(name) + ": is a pipe (FIFO), expected a file of the run"));
    fs::remove(file);
    write_file_atomically(file, content);
  }
}

}  // namespace
}  // namespace cnn
