// training.initial_weights: a training that starts from another one's model.
#include <nlohmann/json.hpp>

#include "catch.h"
#include "core/file.h"
#include "picture_folder.h"
#include "run_program.h"
#include "safetensors_reader.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

Json conv(const char* name) {
  return {{"type", "conv"}, {"name", name}, {"out_channels", 4}, {"kernel_size", 3}, {"activation", "relu"}};
}

/// Trains on classes of small pictures in `folder`/<set>, which decides how many outputs there are.
struct Trainings : PictureFolder {
  Trainings() {
    for (const char* name : {"a", "b", "c", "d"}) put_class(std::string("four/") + name, 8, 12, 12, true);
    for (const char* name : {"x", "y"}) put_class(std::string("two/") + name, 8, 12, 12, true);
  }

  ProgramResult train(const std::string& run, const std::string& set, int classes, Json start = nullptr,
                      double learning_rate = 0.01, Json before_head = nullptr) const {
    Json network = Json::array({conv("stem"), conv("body")});
    if (!before_head.is_null()) network.push_back(before_head);
    network.push_back({{"type", "flatten"}});
    network.push_back({{"type", "dense"}, {"name", "head"}, {"units", classes}});
    Json config = {
        {"data",
         {{"format", "folder"}, {"train", set}, {"image", {{"channels", 3}, {"height", 12}, {"width", 12}}}}},
        {"network", network},
        {"training",
         {{"epochs", 1},
          {"batch_size", 8},
          {"optimizer", {{"type", "sgd"}, {"learning_rate", learning_rate}}}}}};
    if (!start.is_null()) config["training"]["initial_weights"] = start;
    write(run + ".json", config.dump());
    return run_program(program_path("cnn-train"), {"--config", (path() / (run + ".json")).string(),
                                                   "--run-dir", (path() / run).string()});
  }

  StoredModel model(const std::string& run) const {
    return read_stored_model(path() / run / "best.safetensors");
  }
};

TEST_CASE("fine-tuning starts from a model, with another head for other classes", "[cli]") {
  const Trainings trainings;
  REQUIRE(trainings.train("base", "four", 4).exit_code == 0);
  const std::string file = "base/best.safetensors";  // relative to the config

  // At learning rate 0 a training leaves what it started from.
  const ProgramResult tuned = trainings.train("tuned", "two", 2, {{"file", file}, {"except", {"head"}}}, 0);
  INFO(tuned.description());
  REQUIRE(tuned.exit_code == 0);
  CHECK_THAT(tuned.err, ContainsSubstring("starts from") && ContainsSubstring("but head fresh"));
  const StoredModel base = trainings.model("base"), after = trainings.model("tuned");
  for (const char* name : {"stem.weight", "stem.bias", "body.weight", "body.bias"})
    CHECK(after.tensors.at(name).values == base.tensors.at(name).values);
  CHECK(after.tensors.at("head.weight").shape == std::vector<std::int64_t>{2, 256});
  CHECK(Json::parse(after.metadata.at("classes")) == Json({"x", "y"}));

  // "except" keeps the network's own start: the one it has without a file.
  REQUIRE(trainings.train("fresh", "two", 2, nullptr, 0).exit_code == 0);
  CHECK(after.tensors.at("head.weight").values == trainings.model("fresh").tensors.at("head.weight").values);

  // All of it: a string will do. And what was loaded is trained.
  const ProgramResult all = trainings.train("all", "four", 4, file, 0);
  INFO(all.description());
  REQUIRE(all.exit_code == 0);
  CHECK(trainings.model("all").tensors.at("head.weight").values == base.tensors.at("head.weight").values);
  REQUIRE(trainings.train("more", "four", 4, file, 0.01).exit_code == 0);
  CHECK(trainings.model("more").tensors.at("stem.weight").values != base.tensors.at("stem.weight").values);
}

TEST_CASE("weights of layers that the network does not have are named and left aside", "[cli]") {
  const Trainings trainings;
  REQUIRE(trainings.train("base", "four", 4, nullptr, 0.01, conv("extra")).exit_code == 0);
  const ProgramResult result =
      trainings.train("tuned", "two", 2, {{"file", "base/best.safetensors"}, {"except", {"head"}}}, 0);
  INFO(result.description());
  CHECK(result.exit_code == 0);
  CHECK_THAT(result.err, ContainsSubstring("unused tensors: extra.weight, extra.bias"));
}

TEST_CASE("the name of a residual in except stands for its projection", "[cli]") {
  const Trainings trainings;
  Json inside = conv("inside");
  inside["padding"] = 1;
  const Json residual = {
      {"type", "residual"}, {"name", "res"}, {"shortcut", "projection"}, {"layers", {inside}}};
  REQUIRE(trainings.train("base", "four", 4, nullptr, 0.01, residual).exit_code == 0);
  const ProgramResult result = trainings.train(
      "tuned", "four", 4, {{"file", "base/best.safetensors"}, {"except", {"res"}}}, 0, residual);
  INFO(result.description());
  REQUIRE(result.exit_code == 0);
  const StoredModel base = trainings.model("base"), after = trainings.model("tuned");
  CHECK(after.tensors.at("inside.weight").values == base.tensors.at("inside.weight").values);
  CHECK(after.tensors.at("res.shortcut.weight").values != base.tensors.at("res.shortcut.weight").values);
}

TEST_CASE("initial weights that do not fit are refused with what to do, before there is a run folder",
          "[cli]") {
  const Trainings trainings;
  REQUIRE(trainings.train("base", "four", 4).exit_code == 0);
  const std::string file = "base/best.safetensors";
  const auto refused = [&](const ProgramResult& result, int code, const std::string& message) {
    INFO(result.description());
    CHECK(result.exit_code == code);
    CHECK_THAT(result.err, ContainsSubstring(message));
    CHECK_FALSE(fs::exists(trainings.path() / "run"));
  };
  refused(
      trainings.train("run", "two", 2, file), 1,
      "tensor \"head.weight\" has shape [4, 256], but the network needs [2, 256]; for fine-tuning, list the "
      "layer \"head\" in training.initial_weights.except");
  refused(trainings.train("run", "four", 4, file, 0.01, conv("extra")), 1,
          "has no tensor \"extra.weight\", which the network needs with shape [4, 4, 3, 3]; for fine-tuning");
  refused(trainings.train("run", "two", 2, {{"file", file}, {"except", {"heat"}}}), 2,
          "no layer is called \"heat\" (did you mean \"head\"?)");
  refused(trainings.train("run", "two", 2, {{"file", file}, {"except", {"flatten1"}}}), 2,
          "no layer \"flatten1\" with parameters");
  refused(trainings.train("run", "two", 2, "nowhere.safetensors"), 1, "nowhere.safetensors");
  trainings.write("text.safetensors", "hello, this is no model at all");
  refused(trainings.train("run", "two", 2, "text.safetensors"), 1,
          "text.safetensors: is not a safetensors file");
}

}  // namespace
}  // namespace cnn
