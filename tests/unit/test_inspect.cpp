#include <nlohmann/json.hpp>

#include "catch.h"
#include "core/file.h"
#include "core/unicode.h"
#include "data/decode.h"
#include "picture_folder.h"
#include "report/terminal.h"
#include "run_program.h"
#include "temporary_folder.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

std::string config_of(const std::string& name) {
  return (fs::path(CNN_SOURCE_DIR) / "configs" / (name + ".json")).string();
}

ProgramResult inspect(const std::vector<std::string>& arguments) {
  return run_program(program_path("cnn-inspect"), arguments);
}

/// A config with this network on images of 3x56x56, written into a folder.
std::string with_network(const TemporaryFolder& folder, const std::string& network) {
  const fs::path path = folder.path() / "config.json";
  write_file_atomically(path, R"({"data": {"format": "folder", "train": "nowhere",
      "image": {"channels": 3, "height": 56, "width": 56}}, "network": )" +
                                  network +
                                  R"(, "training": {"epochs": 1, "batch_size": 8,
      "optimizer": {"type": "sgd", "learning_rate": 0.1}}})");
  return path.string();
}

Image picture(const fs::path& path) {
  const Decoded decoded = decode_image(read_file(path), path.string());
  INFO(path.string() << ": " << decoded.fault);
  CHECK(decoded.fault.empty());
  return decoded.image;
}

TEST_CASE("cnn-inspect --set changes the config that is shown, never a model", "[cli]") {
  const std::string lenet = config_of("digits-lenet5");
  const ProgramResult wider =
      inspect({"--config", lenet, "--set", "network.0.out_channels=9", "--set", "data.image.height=30"});
  INFO(wider.description());
  CHECK(wider.exit_code == 0);
  CHECK_THAT(wider.out, ContainsSubstring("9x30x28"));
  CHECK_THAT(inspect({"--config", lenet, "--set", "network.0.out_channels=9", "--json"}).out,
             ContainsSubstring("\"macs\": 176400"));
  const ProgramResult head =
      inspect({"--config", config_of("mobilenet-v1-finetune"), "--set", "network.head.units=7"});
  CHECK(head.exit_code == 0);
  CHECK_THAT(head.out, ContainsSubstring("7,175"));         // an entry by its name
  CHECK_THAT(head.out, !ContainsSubstring("thrown away"));  // frozen layers have learned what matters
  const ProgramResult wrong = inspect({"--config", lenet, "--set", "network.0.chanels=9"});
  CHECK(wrong.exit_code == 2);
  CHECK_THAT(wrong.err, ContainsSubstring("chanels") && ContainsSubstring("--set"));
  const ProgramResult model = inspect({"--model", "m.safetensors", "--set", "network.0.out_channels=9"});
  CHECK(model.exit_code == 2);
  CHECK_THAT(model.err, ContainsSubstring("--set changes a config"));
}

TEST_CASE("cnn-inspect shows shapes, windows, bars, costs and what is shared, in 100 columns", "[cli]") {
  const ProgramResult result = inspect({"--config", config_of("digits-lenet5")});
  INFO(result.description());
  REQUIRE(result.exit_code == 0);
  for (const char* word :
       {"1x28x28", "6x28x28", "5x5 s1 p2", "4,704", "156", "0.3 %", "117,600", "14x14", "61,706", "416,520",
        "conv1: 156 instead of 3,692,640: 23,671 times fewer, because one kernel serves all 784",
        "25 of 784"})
    CHECK_THAT(result.out, ContainsSubstring(word));
  CHECK(result.out.find('\x1b') == std::string::npos);
  CHECK(result.out.find("warning") == std::string::npos);
  std::size_t begin = 0;
  for (std::size_t end; (end = result.out.find('\n', begin)) != std::string::npos; begin = end + 1)
    CHECK(display_width(result.out.substr(begin, end - begin)) <= 100);
  const ProgramResult markdown = inspect({"--config", config_of("digits-lenet5"), "--markdown"});
  CHECK(markdown.exit_code == 0);
  CHECK_THAT(markdown.out, StartsWith("| layer | type |") && ContainsSubstring("| conv1 | conv | 1x28x28 |"));
}

TEST_CASE("cnn-inspect and --dry-run name the same memory for a training", "[cli]") {
  const ProgramResult table = inspect({"--config", config_of("digits-lenet5"), "--threads", "2"});
  const ProgramResult dry_run = run_program(
      program_path("cnn-train"), {"--config", config_of("digits-lenet5"), "--threads", "2", "--dry-run"});
  INFO(table.description() << dry_run.description());
  const std::size_t begin = dry_run.out.find("memory: ") + 8;
  const std::string memory = dry_run.out.substr(begin, dry_run.out.find(',', begin) - begin);
  CHECK_THAT(memory, ContainsSubstring("iB"));
  CHECK_THAT(table.out, ContainsSubstring(memory + " to train on 2 threads"));
}

TEST_CASE("a config in this repository that is warned of says that it knows", "[cli]") {
  for (const auto& entry : fs::directory_iterator(fs::path(CNN_SOURCE_DIR) / "configs")) {
    if (entry.path().extension() != ".json" || entry.path().stem() == "schema") continue;
    const ProgramResult result = inspect({"--config", entry.path().string(), "--json"});
    INFO(result.description());
    REQUIRE(result.exit_code == 0);
    const bool warned = !nlohmann::json::parse(result.out)["warnings"].empty();
    CHECK(warned == (read_file(entry.path()).find("cnn-train warns about this step") != std::string::npos));
  }
}

TEST_CASE("cnn-inspect --json has what the contract says, and more", "[cli]") {
  const ProgramResult result = inspect({"--config", config_of("digits-lenet5"), "--json"});
  const auto json = nlohmann::json::parse(result.out);
  const auto& pool = json["layers"][1];
  CHECK(pool["kernel_size"] == nlohmann::json({2, 2}));
  CHECK(pool["stride"] == nlohmann::json({2, 2}));
  CHECK(pool["effective_stride"] == nlohmann::json({2, 2}));
  CHECK(json["layers"][0]["inputs_per_output"] == 25);
  CHECK(json["layers"][0]["padding"] == nlohmann::json({2, 2}));
  CHECK(json["layers"][7]["effective_stride"].is_null());
  CHECK(json["totals"]["macs"] == 416520);
  CHECK(json["totals"]["training_bytes"] > json["totals"]["evaluation_bytes"]);
}

TEST_CASE("the textbook's cliff is warned of, and the cure that is named gives the number that is named",
          "[cli]") {
  const TemporaryFolder folder;
  const std::string head = R"([{"type": "conv", "out_channels": 16, "kernel_size": 3, "padding": 1},)";
  const ProgramResult steep = inspect(
      {"--config", with_network(folder, head + R"({"type": "flatten"}, {"type": "dense", "units": 2}])"),
       "--json"});
  INFO(steep.description());
  const auto warning = nlohmann::json::parse(steep.out)["warnings"].at(0);
  CHECK(warning["layer"] == "dense1");
  CHECK(warning["kind"] == "activation_cliff");
  CHECK_THAT(
      warning["message"].get<std::string>(),
      ContainsSubstring("50,176") &&
          ContainsSubstring("a max_pool with kernel_size 2 after conv1 makes it 12,544") &&
          ContainsSubstring("a dense layer with 158 units and an activation (\"relu\", say) before dense1, "
                            "so that 12,544 values become 2 in two steps, each about 79 to 1"));
  const ProgramResult gentle = inspect(
      {"--config", with_network(folder, head + R"({"type": "max_pool", "kernel_size": 2}, {"type": "flatten"},
      {"type": "dense", "units": 158}, {"type": "dense", "units": 2}])"),
       "--json"});
  const auto cured = nlohmann::json::parse(gentle.out);
  CHECK(cured["layers"][1]["activations"] == 12544);
  CHECK(cured["warnings"].empty());
}

TEST_CASE("cnn-inspect --explain explains one layer or all, on a given image or a generated one", "[cli]") {
  const ProgramResult one = inspect({"--config", config_of("digits-lenet5"), "--explain", "conv1"});
  INFO(one.description());
  CHECK(one.exit_code == 0);
  CHECK_THAT(one.out, ContainsSubstring("generated") &&
                          ContainsSubstring("floor((28 - 5 + 2*2)/1) + 1 = 28") &&
                          ContainsSubstring("6 x (5x5x1) + 6 = 156") && ContainsSubstring("the engine: "));
  CHECK(one.out.find("max_pool1: ") == std::string::npos);
  const std::string image = (fs::path(CNN_SOURCE_DIR) / "data/digits/test/3/0010.png").string();
  const ProgramResult all = inspect({"--config", config_of("digits-lenet5"), "--image", image, "--explain"});
  INFO(all.description());
  CHECK(all.exit_code == 0);
  for (const char* layer : {"conv1: ", "max_pool2: ", "flatten1: ", "dense3: ", "0010.png"})
    CHECK_THAT(all.out, ContainsSubstring(layer));
  CHECK(all.out.find("DISAGREES") == std::string::npos);
}

TEST_CASE("cnn-inspect --explain says only what is true of this network", "[cli]") {
  const TemporaryFolder folder;
  const ProgramResult result =
      inspect({"--config", with_network(folder, R"([{"type": "avg_pool", "kernel_size": 8},
      {"type": "conv", "out_channels": 4, "kernel_size": 3}, {"type": "batch_norm"}, {"type": "global_avg_pool"},
      {"type": "dense", "units": 1}, {"type": "activation", "function": "tanh"}])"),
               "--explain"});
  INFO(result.description());
  CHECK(result.exit_code == 0);
  // It starts at 1, whatever passes were needed before the explained step.
  CHECK_THAT(result.out, ContainsSubstring("running variance = 0.9 x 1 + 0.1 x "));
  CHECK_THAT(result.out, ContainsSubstring("(the only one)") && !ContainsSubstring("second guess"));
  CHECK_THAT(result.out, ContainsSubstring("No layer follows") && !ContainsSubstring("bent its input"));
}

TEST_CASE("cnn-inspect --check-gradients ends with ok", "[cli]") {
  const TemporaryFolder folder;
  const ProgramResult result = inspect({"--config", with_network(folder, R"([
      {"type": "conv", "out_channels": 4, "kernel_size": 3, "stride": 3, "bias": false},
      {"type": "batch_norm", "activation": "relu"}, {"type": "dropout", "p": 0.2},
      {"type": "residual", "layers": [{"type": "conv", "out_channels": 4, "kernel_size": 3, "padding": 1}]},
      {"type": "global_avg_pool"}, {"type": "dense", "units": 3}])"),
                                        "--check-gradients"});
  INFO(result.description());
  CHECK(result.exit_code == 0);
  CHECK_THAT(result.out, ContainsSubstring("looked at") && ContainsSubstring("batch_norm1.bias") &&
                             ContainsSubstring("\nok: every relative error is below"));
}

TEST_CASE("cnn-inspect draws kernels, features and receptive fields", "[cli]") {
  const PictureFolder folder;
  folder.put("a.ppm", 70, 60, true, 3);
  const std::string config = with_network(folder, R"([
      {"type": "conv", "out_channels": 5, "kernel_size": 3, "padding": 1, "dilation": 2, "name": "näme/\"<x>"},
      {"type": "max_pool", "kernel_size": 4}, {"type": "flatten"}, {"type": "dense", "units": 3}])");
  const std::string image = (folder.path() / "a.ppm").string(), out = (folder.path() / "out.png").string();
  const ProgramResult filters = inspect({"--config", config, "--filters", out});
  INFO(filters.description());
  REQUIRE(filters.exit_code == 0);
  CHECK(picture(out).width > 300);
  const ProgramResult field =
      inspect({"--config", config, "--receptive-field", "max_pool1", image, "--out", out});
  INFO(field.description());
  REQUIRE(field.exit_code == 0);
  // A window of 4x4 positions of a kernel of 3x3 with gaps: 8x8, all of them.
  CHECK_THAT(field.out, ContainsSubstring("64 of 3,136 pixels"));
  CHECK(picture(out).width > 3 * 200);
  const fs::path features = folder.path() / "features";
  const ProgramResult maps = inspect({"--config", config, "--features", image, "--out", features.string()});
  INFO(maps.description());
  REQUIRE(maps.exit_code == 0);
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(features))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  REQUIRE(names.size() == 5);
  CHECK(names[0] == "00-input.png");
  CHECK(names[1] == "01-n__me___x_.png");
  for (const std::string& name : names) picture(features / name);
}

TEST_CASE("cnn-inspect refuses what it cannot show, with the reason", "[cli]") {
  const TemporaryFolder folder;
  const std::string config = config_of("digits-lenet5");
  const auto refused = [&](std::vector<std::string> more, int code, const std::string& message) {
    more.insert(more.begin(), {"--config", config});
    const ProgramResult result = inspect(more);
    INFO(result.description());
    CHECK(result.exit_code == code);
    CHECK_THAT(result.err, ContainsSubstring(message));
    CHECK(fs::is_empty(folder.path()));
  };
  const std::string out = (folder.path() / "out.png").string();
  refused({"--explain", "conv3"}, 2,
          "there is no layer \"conv3\" (did you mean \"conv1\"?); the network has conv1, ");
  refused({"--receptive-field", "pool", "x.png", "--out", out}, 2, "there is no layer \"pool\"");
  refused({"--features", "x.png"}, 2, "--features needs --out");
  refused({"--features", "nowhere.png", "--out", out}, 1, "nowhere.png: ");
  refused({"--explain", "conv1", "--image", config}, 1, "digits-lenet5.json: ");
  refused({"--image", "x.png"}, 2, "--image goes with");
  refused({"--out", out}, 2, "--out goes with");
  refused({"--json", "--markdown"}, 2, "are two views");
  refused({"--filters", "/nowhere/out.png"}, 1, "/nowhere/out.png");
  const TemporaryFolder other;
  const ProgramResult no_kernels =
      inspect({"--config", with_network(other, R"([{"type": "flatten"}, {"type": "dense", "units": 3}])"),
               "--filters", out});
  CHECK(no_kernels.exit_code == 2);
}

}  // namespace
}  // namespace cnn
