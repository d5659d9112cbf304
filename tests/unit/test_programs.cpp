#include <algorithm>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "catch.h"
#include "core/file.h"
#include "kernels/simd.h"
#include "run_program.h"
#include "temporary_folder.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

std::string golden_config(const std::string& name) {
  return (fs::path(CNN_SOURCE_DIR) / "tests/golden/cases" / name / "config.json").string();
}

/// cnn-train on a small case whose data is in the repository, into folder/run.
ProgramResult train(const TemporaryFolder& folder, std::vector<std::string> more = {},
                    std::vector<std::pair<std::string, std::string>> environment = {}) {
  std::vector<std::string> arguments{"--config", golden_config("lenet5"), "--run-dir",
                                     (folder.path() / "run").string()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  ProgramOptions options;
  options.environment = std::move(environment);
  return run_program(program_path("cnn-train"), arguments, options);
}

/// The weights that a training leaves, as bytes of the file.
std::string weights_of(std::vector<std::string> more, const std::string& simd = "") {
  const TemporaryFolder folder;
  const ProgramResult result = train(folder, std::move(more), {{"CNN_SIMD", simd}});
  INFO(result.description());
  REQUIRE(result.exit_code == 0);
  return read_file(folder.path() / "run/last.safetensors");
}

std::vector<std::string> lines_of(const fs::path& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

TEST_CASE("a training leaves the same bytes for any number of threads, again, and with AVX2", "[cli]") {
  const std::vector<std::string> shuffled{"--set", "training.shuffle=true", "--set",
                                          "training.label_smoothing=0.1"};
  const auto with = [&](const std::string& key, const std::string& value) {
    std::vector<std::string> all = shuffled;
    all.push_back(key);
    all.push_back(value);
    return all;
  };
  const std::string expected = weights_of(with("--threads", "1"));
  for (const char* threads : {"1", "2", "3", "8"})
    CHECK((weights_of(with("--threads", threads)) == expected));
  for (const std::string& set : supported_instruction_sets())
    if (set != "sse4") CHECK((weights_of(shuffled, set) == expected));
  CHECK((weights_of(with("--set", "seed=2")) != expected));
}

TEST_CASE("a run from its own resolved config repeats the bits", "[cli]") {
  const TemporaryFolder folder;
  REQUIRE(train(folder).exit_code == 0);
  const ProgramResult again =
      run_program(program_path("cnn-train"), {"--config", (folder.path() / "run/config.json").string(),
                                              "--run-dir", (folder.path() / "again").string()});
  INFO(again.description());
  REQUIRE(again.exit_code == 0);
  CHECK((read_file(folder.path() / "run/last.safetensors") ==
         read_file(folder.path() / "again/last.safetensors")));
  CHECK(read_file(folder.path() / "run/config.json") == read_file(folder.path() / "again/config.json"));
}

TEST_CASE("the run folder holds what the contract says", "[cli]") {
  const TemporaryFolder folder;
  const ProgramResult result =
      train(folder, {"--set", "training.epochs=2", "--set", "data.validation={\"fraction\": 0.3}"});
  INFO(result.description());
  REQUIRE(result.exit_code == 0);
  for (const char* name : {"config.json", "metrics.csv", "activations.csv", "best.safetensors",
                           "last.safetensors", "result.json", "train.log", "train_batch.png"})
    CHECK(fs::exists(folder.path() / "run" / name));
  const auto metrics = lines_of(folder.path() / "run/metrics.csv");
  REQUIRE(metrics.size() == 3);
  CHECK(metrics[0] ==
        "epoch,train_loss,train_accuracy,validation_loss,validation_accuracy,learning_rate,seconds,images_"
        "per_second");
  CHECK(metrics[2].starts_with("2,"));
  const auto activations = lines_of(folder.path() / "run/activations.csv");
  CHECK(activations[0] == "epoch,layer,activations,active_fraction,mean,std,gradient_norm");
  CHECK((activations.size() - 1) % 2 == 0);
  const auto json = nlohmann::json::parse(read_file(folder.path() / "run/result.json"));
  CHECK(json["finished"] == true);
  CHECK(json["validation"]["images"].get<int>() > 0);
  CHECK_THAT(result.err,
             ContainsSubstring("conv1") && ContainsSubstring("activations") && ContainsSubstring("active:"));
  CHECK_THAT(result.out, ContainsSubstring("best epoch") &&
                             ContainsSubstring("/best.safetensors\nreport: ") &&
                             ContainsSubstring("/report.html\n"));
}

TEST_CASE("an epoch is a line that fits the terminal; the log has everything", "[cli]") {
  const TemporaryFolder folder;
  const ProgramResult result =
      train(folder, {"--set", "training.epochs=3", "--set", "data.validation={\"fraction\": 0.3}"},
            {{"COLUMNS", "60"}});
  INFO(result.description());
  REQUIRE(result.exit_code == 0);
  int epochs = 0, activities = 0;
  std::istringstream said(result.err);
  for (std::string line; std::getline(said, line);) {
    const bool epoch = line.starts_with("epoch "), activity = line.starts_with("  active:");
    epochs += epoch, activities += activity;
    if (epoch || activity || line.find("---") != line.npos) CHECK(line.size() <= 60);
  }
  CHECK(epochs == 3);
  CHECK(activities == 2);  // after the first epoch and the last
  const std::string log = read_file(folder.path() / "run/train.log");
  const auto count = [&](const std::string& text) {
    std::size_t found = 0;
    for (std::size_t at = log.find(text); at != log.npos; at = log.find(text, at + 1)) ++found;
    return found;
  };
  CHECK(count("  active:") == 3);
  CHECK(count("learning rate") == 3);
  CHECK(count("mult-adds") == 1);
}

TEST_CASE("--layer-stats logs every layer, and dead layers are named in any case", "[cli]") {
  const TemporaryFolder folder;
  const ProgramResult result = train(folder, {"--layer-stats-every", "2", "--set", "training.epochs=1"});
  INFO(result.description());
  REQUIRE(result.exit_code == 0);
  CHECK_THAT(result.err, ContainsSubstring("epoch 1, step 2: the layers on this step's images") &&
                             ContainsSubstring("gradient norm") && ContainsSubstring("dense1 "));
  const auto rows = lines_of(folder.path() / "run/activations.csv");
  const auto conv =
      std::find_if(rows.begin(), rows.end(), [](const auto& row) { return row.starts_with("1,conv1"); });
  REQUIRE(conv != rows.end());
  CHECK(std::stod(conv->substr(conv->rfind(',') + 1)) > 0);
  const TemporaryFolder other;
  const ProgramResult plain = train(other, {"--layer-stats"});
  INFO(plain.description());
  CHECK(plain.exit_code == 0);
  CHECK_THAT(plain.err, ContainsSubstring("gradient norm"));
  CHECK(plain.err.find("step 2:") == std::string::npos);
  // Looking changes nothing.
  const TemporaryFolder third;
  REQUIRE(train(third, {"--set", "training.epochs=1"}).exit_code == 0);
  CHECK((read_file(folder.path() / "run/last.safetensors") ==
         read_file(third.path() / "run/last.safetensors")));
  CHECK(train(third, {"--layer-stats-every", "0"}).exit_code == 2);
}

TEST_CASE("--dry-run says shapes, memory and time, and writes nothing", "[cli]") {
  const TemporaryFolder folder;
  const ProgramResult result = train(folder, {"--dry-run"});
  INFO(result.description());
  CHECK(result.exit_code == 0);
  CHECK_THAT(result.out, ContainsSubstring("conv1") && ContainsSubstring("memory:") &&
                             ContainsSubstring("time per epoch"));
  CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("wrong command lines and configs end with 2, and leave nothing behind", "[cli]") {
  const TemporaryFolder folder;
  const auto refused = [&](std::vector<std::string> more, const std::string& message) {
    const ProgramResult result = train(folder, std::move(more));
    INFO(result.description());
    CHECK(result.exit_code == 2);
    CHECK_THAT(result.err, ContainsSubstring(message));
    CHECK(fs::is_empty(folder.path()));
  };
  refused({"--treads", "2"}, "did you mean \"--threads\"");
  refused({"--threads", "0"}, "--threads");
  refused({"--set", "training.epoch=3"}, "did you mean \"epochs\"");
  refused({"--set", "network.0.kernel_size=99"}, "shapes so far: input");
  refused({"--set", "training.batch_size=0"}, "batch_size");
  const ProgramResult simd = train(folder, {}, {{"CNN_SIMD", "mmx"}});
  CHECK(simd.exit_code == 2);
  CHECK_THAT(simd.err, ContainsSubstring("CNN_SIMD"));
  const ProgramResult none = run_program(program_path("cnn-train"), {});
  CHECK(none.exit_code == 2);
  CHECK_THAT(none.err, ContainsSubstring("--config"));
}

TEST_CASE("a run folder with something in it is refused", "[cli]") {
  const TemporaryFolder folder;
  fs::create_directories(folder.path() / "run");
  write_file_atomically(folder.path() / "run/mine.txt", "do not touch");
  const ProgramResult result = train(folder);
  CHECK(result.exit_code == 2);
  CHECK_THAT(result.err, ContainsSubstring("is not empty"));
  CHECK(std::distance(fs::directory_iterator(folder.path() / "run"), {}) == 1);
}

TEST_CASE("a missing data file ends with 1 and names it", "[cli]") {
  const TemporaryFolder folder;
  const ProgramResult result =
      train(folder, {"--set", "data.train={\"images\": \"nowhere.idx\", \"labels\": \"labels.idx\"}"});
  INFO(result.description());
  CHECK(result.exit_code == 1);
  CHECK_THAT(result.err, ContainsSubstring("nowhere.idx") && ContainsSubstring("there is no such file"));
  CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("a data path that leads nowhere is told with its place and a name that is near", "[cli]") {
  const TemporaryFolder folder;
  fs::create_directories(folder.path() / "photos/a");
  write_file_atomically(folder.path() / "c.json", R"({
  "data": {"format": "folder", "train": "photo", "image": {"channels": 1, "height": 8, "width": 8}},
  "network": [{"type": "flatten"}, {"type": "dense", "units": 2}],
  "training": {"epochs": 1, "batch_size": 4, "optimizer": {"type": "sgd", "learning_rate": 0.01}}})");
  const ProgramResult result =
      run_program(program_path("cnn-train"), {"--config", (folder.path() / "c.json").string()});
  INFO(result.description());
  CHECK(result.exit_code == 1);
  CHECK_THAT(result.err, ContainsSubstring("c.json:2:41: /data/train: there is no such folder") &&
                             ContainsSubstring("did you mean \"photos\"?"));
}

TEST_CASE("a batch of more than all images is warned of", "[cli]") {
  const std::string config = (fs::path(CNN_SOURCE_DIR) / "configs/digits-lenet5.json").string();
  const ProgramResult result = run_program(
      program_path("cnn-train"), {"--config", config, "--dry-run", "--set", "training.batch_size=2701"});
  INFO(result.description());
  REQUIRE(result.exit_code == 0);
  CHECK_THAT(result.err, ContainsSubstring("batch_size 2,701 exceeds the 2,700 training images"));
}

TEST_CASE("a layer that stays dead is named again at the end", "[cli]") {
  const TemporaryFolder folder;
  const std::string config = (fs::path(CNN_SOURCE_DIR) / "configs/digits-lenet5.json").string();
  const ProgramResult result = run_program(
      program_path("cnn-train"), {"--config", config, "--set", "training.optimizer.learning_rate=1", "--set",
                                  "training.epochs=4", "--run-dir", (folder.path() / "run").string()});
  INFO(result.description());
  REQUIRE(result.exit_code == 0);
  CHECK_THAT(result.err, ContainsSubstring("warning: epoch 1: conv2 is almost dead") &&
                             ContainsSubstring("warning: from epoch 1 to 4: conv2 is almost dead"));
}

TEST_CASE("a loss that is not finite stops the run and says where it began", "[cli]") {
  const TemporaryFolder folder;
  const ProgramResult result =
      train(folder, {"--set", "training.optimizer.learning_rate=1e20", "--set", "training.epochs=50"});
  INFO(result.description());
  CHECK(result.exit_code == 1);
  CHECK_THAT(result.err,
             ContainsSubstring("not finite in epoch") && ContainsSubstring("learning rate 1e+20"));
}

TEST_CASE("SIGINT finishes the step, saves the model and ends with 130; SIGTERM with 143, SIGHUP with 129",
          "[cli]") {
  for (const auto& [signal, code] :
       {std::pair{SIGINT, 130}, std::pair{SIGTERM, 143}, std::pair{SIGHUP, 129}}) {
    const TemporaryFolder folder;
    RunningProgram program(program_path("cnn-train"),
                           {"--config", golden_config("lenet5"), "--set", "training.epochs=1000000",
                            "--run-dir", (folder.path() / "run").string()});
    REQUIRE(program.wait_for_stderr("epoch 3/"));
    program.send(signal);
    const ProgramResult result = program.wait();
    INFO(result.description());
    CHECK(result.exit_code == code);
    CHECK(fs::exists(folder.path() / "run/last.safetensors"));
    CHECK(nlohmann::json::parse(read_file(folder.path() / "run/result.json"))["finished"] == false);
  }
}

TEST_CASE("cnn-inspect knows LeNet-5's numbers and reads a model back", "[cli]") {
  const std::string config = (fs::path(CNN_SOURCE_DIR) / "configs/mnist-lenet5.json").string();
  const ProgramResult result = run_program(program_path("cnn-inspect"), {"--config", config, "--json"});
  INFO(result.description());
  REQUIRE(result.exit_code == 0);
  const auto json = nlohmann::json::parse(result.out);
  CHECK(json["input"] == nlohmann::json({1, 28, 28}));
  const auto& conv1 = json["layers"][0];
  CHECK(conv1["name"] == "conv1");
  CHECK(conv1["activations"] == 4704);
  CHECK(conv1["parameters"] == 156);
  CHECK(conv1["macs"] == 117600);
  CHECK(conv1["dense_equivalent_parameters"] == 3692640);
  CHECK(conv1["receptive_field"] == nlohmann::json({5, 5}));
  CHECK(json["layers"][4]["output_shape"] == nlohmann::json({400}));
  CHECK(json["totals"]["parameters"] == 61706);
  CHECK(json["warnings"].empty());

  const TemporaryFolder folder;
  REQUIRE(train(folder).exit_code == 0);
  const ProgramResult model = run_program(program_path("cnn-inspect"),
                                          {"--model", (folder.path() / "run/best.safetensors").string()});
  INFO(model.description());
  CHECK(model.exit_code == 0);
  CHECK_THAT(model.out, ContainsSubstring("conv1"));
  CHECK(run_program(program_path("cnn-inspect"), {}).exit_code == 2);
}

TEST_CASE("the networks for photos have the parameters that torchvision's have", "[cli]") {
  const auto totals = [](const std::string& name) {
    const std::string config = (fs::path(CNN_SOURCE_DIR) / "configs" / name).string();
    const ProgramResult result = run_program(program_path("cnn-inspect"), {"--config", config, "--json"});
    INFO(result.description());
    REQUIRE(result.exit_code == 0);
    return nlohmann::json::parse(result.out)["totals"];
  };
  CHECK(totals("resnet18.json")["parameters"] == 11689512);
  CHECK(totals("resnet18.json")["macs"] == 1814073344);
  CHECK(totals("resnet34.json")["parameters"] == 21797672);
  CHECK(totals("mobilenet-v2.json")["parameters"] == 3504872);
  CHECK(totals("mobilenet-v2.json")["macs"] == 300774272);
  CHECK(totals("mobilenet-v3-small.json")["parameters"] == 2542856);
  CHECK(totals("mobilenet-v3-small.json")["macs"] == 56510400);
}

TEST_CASE("cnn-inspect --time shows every layer and the totals of a step", "[cli]") {
  const std::string config = golden_config("lenet5");
  const ProgramResult result =
      run_program(program_path("cnn-inspect"), {"--config", config, "--time", "--threads", "1"});
  INFO(result.description());
  REQUIRE(result.exit_code == 0);
  for (const char* word : {"1 thread", "conv1", "avg_pool2", "dense1", "backward weights", "waiting",
                           "of the FMA", "peak  memory", "Winograd's method", "evaluation"})
    CHECK_THAT(result.out, ContainsSubstring(word));
  for (const char* word : {"twice the threads pay from", "\n     64 ", "--memory-bandwidth"})
    CHECK_THAT(result.out, ContainsSubstring(word));
  const ProgramResult elsewhere =
      run_program(program_path("cnn-inspect"), {"--config", config, "--json", "--memory-bandwidth", "60"});
  CHECK(elsewhere.exit_code == 2);
  const ProgramResult both =
      run_program(program_path("cnn-inspect"), {"--config", config, "--time", "--json"});
  CHECK(both.exit_code == 2);
  CHECK_THAT(both.err, ContainsSubstring("are two views; choose one"));
}

TEST_CASE("configs/schema.json is what cnn-inspect prints", "[cli]") {
  const ProgramResult schema = run_program(program_path("cnn-inspect"), {"--schema"});
  CHECK((read_file(fs::path(CNN_SOURCE_DIR) / "configs/schema.json") == schema.out));
}

TEST_CASE("--help fits 100 columns", "[cli]") {
  for (const char* name : {"cnn-train", "cnn-eval", "cnn-inspect"}) {
    const ProgramResult result = run_program(program_path(name), {"--help"});
    INFO(result.description());
    CHECK(result.exit_code == 0);
    std::istringstream lines(result.out);
    for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 100);
  }
}

TEST_CASE("--version names the instruction set in use and the image formats", "[cli]") {
  for (const char* name : {"cnn-train", "cnn-inspect"}) {
    ProgramOptions options;
    options.environment = {{"CNN_SIMD", "sse4"}};
    const ProgramResult result = run_program(program_path(name), {"--version"}, options);
    CHECK(result.exit_code == 0);
    CHECK_THAT(result.out, ContainsSubstring("(sse4;") && ContainsSubstring("\nreads PNG, JPEG, BMP, "));
  }
}

}  // namespace
}  // namespace cnn
