// cnn-train --seeds: every seed's run is the one that it would be alone.
#include <cmath>
#include <csignal>
#include <nlohmann/json.hpp>

#include "catch.h"
#include "core/file.h"
#include "run_program.h"
#include "temporary_folder.h"
#include "train/seed_results.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

const fs::path kCase = fs::path(CNN_SOURCE_DIR) / "tests/golden/cases/lenet5";

/// A small training whose split, normalization and order of images all depend on the seed.
std::vector<std::string> arguments(const fs::path& run, std::vector<std::string> more) {
  const std::string set = "{\"images\": \"images.idx.gz\", \"labels\": \"labels.idx\"}";
  std::vector<std::string> all{"--config", (kCase / "config.json").string(), "--run-dir", run.string()};
  for (const std::string& value :
       {std::string("training.epochs=2"), std::string("training.shuffle=true"),
        std::string("data.normalize=\"auto\""), std::string("data.validation={\"fraction\": 0.3}"),
        std::string("data.augment=[{\"type\": \"random_flip\"}]"), "data.test=" + set}) {
    all.push_back("--set");
    all.push_back(value);
  }
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

ProgramResult train(const fs::path& run, std::vector<std::string> more) {
  return run_program(program_path("cnn-train"), arguments(run, std::move(more)));
}

TEST_CASE("--seeds leaves what a run with each seed leaves, bit for bit, and a summary", "[cli]") {
  const TemporaryFolder folder;
  const fs::path all = folder.path() / "all";
  const ProgramResult result = train(all, {"--seeds", "3", "--set", "seed=7"});
  INFO(result.description());
  REQUIRE(result.exit_code == 0);
  CHECK_THAT(result.out, ContainsSubstring("seed 7: best epoch") && ContainsSubstring("seed 9: best epoch") &&
                             ContainsSubstring("validation accuracy: mean") &&
                             ContainsSubstring("test accuracy: mean") &&
                             ContainsSubstring("standard deviation") && ContainsSubstring("seeds.json"));
  const Json json = Json::parse(read_file(all / "seeds.json"));
  CHECK(json["finished"] == true);
  REQUIRE(json["seeds"].size() == 3);
  const std::string csv = read_file(all / "seeds.csv");
  CHECK(csv.starts_with(
      "seed,best_epoch,validation_accuracy,validation_loss,test_accuracy,test_loss,folder\n7,"));
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 4);
  double sum = 0;
  for (int seed = 7; seed < 10; ++seed) {
    const fs::path one = all / ("seed-" + std::to_string(seed)), alone = folder.path() / std::to_string(seed);
    REQUIRE(train(alone, {"--set", "seed=" + std::to_string(seed)}).exit_code == 0);
    for (const char* name : {"best.safetensors", "last.safetensors"})
      CHECK((read_file(one / name) == read_file(alone / name)));
    for (const char* name : {"config.json", "result.json", "activations.csv"})
      CHECK(read_file(one / name) == read_file(alone / name));
    const Json expected = Json::parse(read_file(alone / "result.json"));
    const Json& found = json["seeds"][static_cast<std::size_t>(seed - 7)];
    CHECK(found["validation"] == expected["validation"]);
    CHECK(found["test"] == expected["test"]);
    CHECK(found["folder"] == "seed-" + std::to_string(seed));
    CHECK(fs::exists(one / "train.log"));
    sum += expected["test"]["accuracy"].get<double>();
  }
  CHECK(std::abs(json["test_accuracy"]["mean"].get<double>() - sum / 3) < 1e-12);
}

TEST_CASE("mean and standard deviation are those of a sample", "[train]") {
  const std::vector<double> values{0.5, 0.75, 1.0};
  const Spread spread = spread_of(values);
  CHECK(spread.mean == 0.75);
  CHECK(spread.deviation == 0.25);
  CHECK(spread.least == 0.5);
  CHECK(spread.most == 1.0);
  CHECK_FALSE(spread_of(std::vector<double>{0.5}).deviation);
}

TEST_CASE("--seeds stays away from nonsense and from folders in use", "[cli]") {
  const TemporaryFolder folder;
  const fs::path run = folder.path() / "run";
  for (const char* number : {"0", "-1", "x", "1.5"}) CHECK(train(run, {"--seeds", number}).exit_code == 2);
  CHECK(train(run, {"--seeds", "2", "--set", "seed=18446744073709551615"}).exit_code == 2);
  CHECK(fs::is_empty(folder.path()));
  fs::create_directories(run / "seed-1");
  CHECK(train(run, {"--seeds", "2"}).exit_code == 2);
}

TEST_CASE("--seeds --dry-run says what all of them take, and writes nothing", "[cli]") {
  const TemporaryFolder folder;
  const ProgramResult result = train(folder.path() / "run", {"--seeds", "4", "--dry-run"});
  INFO(result.description());
  CHECK(result.exit_code == 0);
  CHECK_THAT(result.out, ContainsSubstring("4 seeds, 1 to 4, in about") && ContainsSubstring("memory:"));
  CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("a signal ends --seeds after saving; finished seeds stay", "[cli]") {
  const TemporaryFolder folder;
  const fs::path run = folder.path() / "run";
  RunningProgram program(program_path("cnn-train"), arguments(run, {"--seeds", "10000"}));
  REQUIRE(program.wait_for_stderr("seed 3 (3 of"));
  program.send(SIGINT);
  const ProgramResult result = program.wait();
  INFO(result.description());
  CHECK(result.exit_code == 130);
  const Json json = Json::parse(read_file(run / "seeds.json"));
  CHECK(json["finished"] == false);
  CHECK(json["planned"] == 10000);
  CHECK(json["seeds"].size() >= 2);
  CHECK_THAT(result.out, ContainsSubstring("validation accuracy: mean"));
  CHECK_THAT(result.err, ContainsSubstring("of 10000 seeds are finished"));
}

/// What several runs leave that does not depend on whether they were interrupted.
std::string result_of_seeds(const fs::path& folder, int first, int count) {
  std::string all = read_file(folder / "seeds.json") + read_file(folder / "seeds.csv");
  for (int seed = first; seed < first + count; ++seed)
    for (const char* name :
         {"config.json", "result.json", "activations.csv", "best.safetensors", "last.safetensors"})
      all += read_file(folder / ("seed-" + std::to_string(seed)) / name);
  return all;
}

ProgramResult resume(const fs::path& folder, std::vector<std::string> more = {}) {
  more.insert(more.begin(), {"--resume", folder.string(), "--threads", "2"});
  return run_program(program_path("cnn-train"), more);
}

TEST_CASE("interrupted --seeds are finished by --resume as if nothing had happened", "[cli]") {
  const TemporaryFolder folder;
  const std::vector<std::string> request{"--seeds", "3", "--set", "seed=7", "--set", "training.epochs=3"};
  // The same path for all: the configs are a part of what is compared.
  const fs::path run = folder.path() / "run";
  REQUIRE(train(run, request).exit_code == 0);
  const std::string expected = result_of_seeds(run, 7, 3);
  const std::pair<const char*, int> ends[] = {
      {"seed 7 (1 of", SIGKILL}, {"epoch 2/3", SIGKILL}, {"seed 8 (2 of", SIGINT}, {"seed 9 (3 of", SIGKILL}};
  for (const auto& [moment, signal] : ends) {
    INFO("signal " << signal << " after \"" << moment << '"');
    fs::remove_all(run);
    RunningProgram program(program_path("cnn-train"), arguments(run, request));
    REQUIRE(program.wait_for_stderr(moment));
    program.send(signal);
    const ProgramResult interrupted = program.wait();
    if (!fs::exists(run / "seeds.json")) continue;  // nothing had begun
    const ProgramResult resumed = resume(run);
    INFO(interrupted.description() << resumed.description());
    REQUIRE(resumed.exit_code == 0);
    CHECK_THAT(resumed.out, ContainsSubstring("validation accuracy: mean"));
    CHECK((result_of_seeds(run, 7, 3) == expected));
  }
  // Finished, there is nothing left to do.
  const ProgramResult again = resume(run);
  CHECK(again.exit_code == 0);
  CHECK_THAT(again.out, ContainsSubstring("summary: "));
  CHECK((result_of_seeds(run, 7, 3) == expected));
}

TEST_CASE("a folder of seeds is resumed as it is, by one program, and only if it is whole", "[cli]") {
  const TemporaryFolder folder;
  const fs::path run = folder.path() / "run";
  const auto refused = [&](const ProgramResult& result, int code, const std::string& message) {
    INFO(result.description());
    CHECK(result.exit_code == code);
    CHECK_THAT(result.err, ContainsSubstring(message));
  };
  {
    RunningProgram program(program_path("cnn-train"), arguments(run, {"--seeds", "10000"}));
    REQUIRE(program.wait_for_stderr("seed 2 (2 of"));
    refused(resume(run), 2, "another program is training");
    program.send(SIGTERM);
    const ProgramResult result = program.wait();
    CHECK(result.exit_code == 143);
    CHECK_THAT(result.err, ContainsSubstring("go on with: cnn-train --resume " + run.string()) &&
                               !ContainsSubstring("--resume " + (run / "seed-").string()));
  }
  refused(resume(run, {"--set", "training.epochs=3"}), 2, "--set does not go with");
  // One of them is a run like any other.
  CHECK(resume(run / "seed-1", {"--set", "training.epochs=3"}).exit_code == 0);
  Json json = Json::parse(read_file(run / "seeds.json"));
  json["planned"] = -1;
  write_file_atomically(run / "seeds.json", json.dump());
  refused(resume(run), 1, "seeds.json: is damaged");
  json["planned"] = 2;
  json["config"]["training"]["epochs"] = "many";
  write_file_atomically(run / "seeds.json", json.dump());
  refused(resume(run), 1, "the config in " + (run / "seeds.json").string());
  write_file_atomically(run / "seeds.json", "{");
  refused(resume(run), 1, "seeds.json: is damaged");
}

}  // namespace
}  // namespace cnn
