// training.freeze: entries that keep their weights, whose outputs are computed once.
#include <nlohmann/json.hpp>

#include "catch.h"
#include "core/file.h"
#include "run_program.h"
#include "safetensors_reader.h"
#include "temporary_folder.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

/// A network on the project's digits that begins with a model of another training.
struct FrozenTrainings : TemporaryFolder {
  FrozenTrainings() {
    const ProgramResult base = train("base", base_config());
    INFO(base.description());
    REQUIRE(base.exit_code == 0);
  }

  static Json base_config() {
    const Json conv = {
        {"type", "conv"}, {"out_channels", 8}, {"kernel_size", 3}, {"padding", 1}, {"bias", false}};
    Json half = conv;
    half["stride"] = 2;
    const Json norm = {{"type", "batch_norm"}}, active = {{"type", "batch_norm"}, {"activation", "relu"}};
    const Json residual = {
        {"type", "residual"}, {"layers", {half, norm}}, {"shortcut", "projection"}, {"activation", "relu"}};
    return {
        {"data",
         {{"format", "folder"},
          {"train", (fs::path(CNN_SOURCE_DIR) / "data/digits/test").string()},
          {"validation", {{"fraction", 0.25}}},
          {"image", {{"channels", 1}, {"height", 14}, {"width", 14}}}}},
        {"network",
         {half,
          active,
          residual,
          {{"type", "flatten"}},
          {{"type", "dropout"}, {"p", 0.1}},
          {{"type", "dense"}, {"units", 16}, {"activation", "relu"}},
          {{"type", "dense"}, {"units", 10}}}},
        {"training",
         {{"epochs", 1}, {"batch_size", 50}, {"optimizer", {{"type", "adam"}, {"learning_rate", 0.01}}}}}};
  }

  static Json frozen_config(const Json& freeze) {
    Json config = base_config();
    config["name"] = "frozen";
    config["training"]["epochs"] = 3;
    config["training"]["initial_weights"] = {{"file", "base/best.safetensors"},
                                             {"except", {"dense1", "dense2"}}};
    config["training"]["freeze"] = freeze;
    return config;
  }

  ProgramResult train(const std::string& run, const Json& config, std::vector<std::string> more = {}) const {
    write_file_atomically(path() / (run + ".json"), config.dump());
    more.insert(more.begin(),
                {"--config", (path() / (run + ".json")).string(), "--run-dir", (path() / run).string()});
    return run_program(program_path("cnn-train"), more);
  }

  std::string train_well(const std::string& run, const Json& config,
                         const std::vector<std::string>& more = {}) const {
    const ProgramResult result = train(run, config, more);
    INFO(result.description());
    REQUIRE(result.exit_code == 0);
    return result.err;
  }

  StoredModel model(const std::string& run) const {
    return read_stored_model(path() / run / "last.safetensors");
  }

  /// Everything but the times.
  std::string measured(const std::string& run) const {
    std::string all = read_file(path() / run / "activations.csv");
    std::istringstream metrics(read_file(path() / run / "metrics.csv"));
    for (std::string line; std::getline(metrics, line);) {
      for (int times = 0; times < 2; ++times) line.resize(line.rfind(','));
      all += line + "\n";
    }
    return all;
  }

  void check_same(const std::string& a, const std::string& b) const {
    const StoredModel x = model(a), y = model(b);
    for (const auto& [name, tensor] : x.tensors) {
      INFO(name);
      CHECK(tensor.values == y.tensors.at(name).values);
    }
    CHECK(measured(a) == measured(b));
  }
};

TEST_CASE("a frozen trunk keeps its numbers, and what is kept of it changes no bit", "[cli]") {
  const FrozenTrainings trainings;
  const Json freeze = {{"layers", "until residual1"}};
  const std::string log = trainings.train_well("kept", FrozenTrainings::frozen_config(freeze));
  CHECK_THAT(
      log, ContainsSubstring("frozen up to flatten1; what it makes of 1,000 images is computed once and kept "
                             "(500.0 KiB)"));
  const StoredModel base = trainings.model("base"), kept = trainings.model("kept");
  for (const auto& [name, tensor] : base.tensors) {
    INFO(name);
    CHECK((tensor.values == kept.tensors.at(name).values) == !name.starts_with("dense"));
  }

  Json none = freeze;
  none["cache_mb"] = 0;
  CHECK_THAT(trainings.train_well("none", FrozenTrainings::frozen_config(none)),
             ContainsSubstring("in every step: \"cache_mb\" is 0"));
  trainings.check_same("kept", "none");

  // Said entry by entry it is the same, too.
  Json by_hand = FrozenTrainings::frozen_config(nullptr);
  by_hand["training"].erase("freeze");
  for (int entry = 0; entry < 3; ++entry) by_hand["network"][entry]["trainable"] = false;
  for (int entry = 1; entry < 3; ++entry) by_hand["network"][entry]["frozen_statistics"] = true;
  trainings.train_well("by_hand", by_hand, {"--threads", "3"});
  trainings.check_same("kept", "by_hand");

  Json half = freeze;
  half["precision"] = "float16";
  CHECK_THAT(trainings.train_well("half", FrozenTrainings::frozen_config(half)),
             ContainsSubstring("(250.0 KiB)"));
  const std::vector<float>& exact = kept.tensors.at("dense2.weight").values;
  const StoredModel rounded = trainings.model("half");
  const std::vector<float>& near = rounded.tensors.at("dense2.weight").values;
  CHECK(near != exact);
  for (std::size_t i = 0; i < exact.size(); ++i) CHECK(std::abs(near[i] - exact[i]) < 0.05);
}

TEST_CASE("\"trunk\" freezes all but the last layer with weights", "[cli]") {
  const FrozenTrainings trainings;
  CHECK_THAT(trainings.train_well("trunk", FrozenTrainings::frozen_config("trunk")),
             ContainsSubstring("frozen up to flatten1"));
  const StoredModel trunk = trainings.model("trunk");
  Json still = FrozenTrainings::frozen_config("trunk");
  still["training"]["optimizer"]["learning_rate"] = 0;
  trainings.train_well("still", still);
  const StoredModel start = trainings.model("still");
  CHECK(trunk.tensors.at("dense1.weight").values ==
        start.tensors.at("dense1.weight").values);  // fresh, and frozen
  CHECK(trunk.tensors.at("dense2.weight").values != start.tensors.at("dense2.weight").values);
}

TEST_CASE("with augmentation, some looks at each image are kept, or none", "[cli]") {
  const FrozenTrainings trainings;
  const auto with_views = [&](int views, int cache_mb) {
    Json config = FrozenTrainings::frozen_config(
        {{"layers", "until residual1"}, {"cached_views", views}, {"cache_mb", cache_mb}});
    config["data"]["augment"] = {{{"type", "random_translate"}, {"pixels", 2}}};
    return config;
  };
  CHECK_THAT(
      trainings.train_well("new", with_views(0, 100)),
      ContainsSubstring("is computed once and kept (125.0 KiB); of training images it is computed in every "
                        "step: augmentation changes them"));
  // As many looks as epochs are the same as new ones.
  CHECK_THAT(trainings.train_well("three", with_views(3, 100)),
             ContainsSubstring("2,500 looks at images") && ContainsSubstring("augmentation gives 3 looks"));
  trainings.check_same("new", "three");
  CHECK_THAT(trainings.train_well("small", with_views(3, 1)),
             ContainsSubstring("they take 1.1 MiB, and \"cache_mb\""));
  trainings.check_same("new", "small");
  trainings.train_well("one", with_views(1, 100));
  CHECK(trainings.measured("one") != trainings.measured("new"));
}

TEST_CASE("what was frozen learns later, slower, and the training can be resumed", "[cli]") {
  const FrozenTrainings trainings;
  const Json freeze = {{"layers", "until residual1"},
                       {"unfreeze", {{"after_epochs", 1}, {"learning_rate_scale", 0.5}}}};
  Json config = FrozenTrainings::frozen_config(freeze);
  CHECK_THAT(trainings.train_well("whole", config),
             ContainsSubstring("computed once") && ContainsSubstring("from epoch 2 on, all layers learn"));
  const StoredModel base = trainings.model("base"), whole = trainings.model("whole");
  CHECK(whole.tensors.at("conv1.weight").values != base.tensors.at("conv1.weight").values);
  CHECK(whole.tensors.at("batch_norm1.weight").values != base.tensors.at("batch_norm1.weight").values);
  for (const char* name : {"batch_norm1.running_mean", "residual1.shortcut_norm.running_var"})
    CHECK(whole.tensors.at(name).values == base.tensors.at(name).values);

  config["training"]["freeze"]["cache_mb"] = 0;
  trainings.train_well("none", config);
  trainings.check_same("whole", "none");

  // After one epoch, and after two: the rest is the same.
  for (const int epochs : {1, 2}) {
    Json part = FrozenTrainings::frozen_config(freeze);
    part["training"]["epochs"] = epochs;
    part["training"]["schedule"] = {{"type", "constant"}};
    const std::string run = "part" + std::to_string(epochs);
    trainings.train_well(run, part);
    const ProgramResult resumed =
        run_program(program_path("cnn-train"),
                    {"--resume", (trainings.path() / run).string(), "--set", "training.epochs=3"});
    INFO(resumed.description());
    REQUIRE(resumed.exit_code == 0);
    trainings.check_same("whole", run);
  }
}

TEST_CASE("what cannot be frozen is refused at its place", "[cli]") {
  const FrozenTrainings trainings;
  const auto refused = [&](const Json& freeze, const std::string& message) {
    const ProgramResult result =
        trainings.train("refused", FrozenTrainings::frozen_config(freeze), {"--dry-run"});
    INFO(result.description());
    CHECK(result.exit_code == 2);
    CHECK_THAT(result.err, ContainsSubstring(message));
  };
  refused("until residual2",
          R"(/training/freeze: no layer is called "residual2" (did you mean "residual1"?))");
  refused("until conv2", "/training/freeze: conv2 is inside a residual; give the residual's name");
  refused("until dense2", "there is nothing to learn");
  refused("head",
          R"(/training/freeze: found the string "head", expected "trunk" or "until <name of an entry>")");
  refused({{"layer", "trunk"}}, R"(/training/freeze/layer: unknown key (did you mean "layers"?))");
  refused(3, "/training/freeze: found 3, expected");
}

TEST_CASE("large models of short epochs are written now and then, and at the end", "[cli]") {
  const FrozenTrainings trainings;
  Json config = FrozenTrainings::base_config();
  config["network"][5]["units"] = 12000;  // 1.7 million weights
  config["training"]["epochs"] = 4;
  config["training"]["batch_size"] = 250;
  trainings.train_well("whole", config);
  const Json result = Json::parse(read_file(trainings.path() / "whole/result.json"));
  const double accuracy = result["validation"]["accuracy"];
  CHECK(accuracy > 0.3);
  // The best model is that of the best epoch: going on from the last state finds it again.
  const ProgramResult resumed =
      run_program(program_path("cnn-train"),
                  {"--resume", (trainings.path() / "whole").string(), "--set", "training.epochs=5"});
  INFO(resumed.description());
  REQUIRE(resumed.exit_code == 0);
  config["training"]["epochs"] = 5;
  trainings.train_well("longer", config);
  trainings.check_same("longer", "whole");
  const auto best = [&](const char* run) {
    return read_stored_model(trainings.path() / run / "best.safetensors");
  };
  CHECK(best("longer").tensors.at("dense2.weight").values ==
        best("whole").tensors.at("dense2.weight").values);
}

}  // namespace
}  // namespace cnn
