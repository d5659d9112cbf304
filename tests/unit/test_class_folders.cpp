// Which folders are classes: parts of a data set that look like classes, and classes within classes.
#include <nlohmann/json.hpp>

#include "catch.h"
#include "core/file.h"
#include "data/class_structure.h"
#include "picture_folder.h"
#include "run_program.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

/// ClassPictures in folders, and programs that look at them.
class ClassPictures : public PictureFolder {
 public:
  explicit ClassPictures(const std::vector<std::string>& folders) {
    for (const std::string& folder : folders) put_class("photos/" + folder, 3, 12, 12, true);
  }
  ProgramResult init(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"--init", (path() / "photos").string()});
    return run_program(program_path("cnn-train"), more);
  }
  /// A config of two outputs, or as many as are given, for photos/<train>, with lines for its data.
  std::vector<std::string> config(const std::string& train, int outputs = 2,
                                  const std::string& data = "") const {
    const std::string where = (path() / "photos" / train).string();
    write("c.json", R"({"data": {"format": "folder", "train": ")" + where + "\", " + data +
                        R"("image": {"channels": 3, "height": 8, "width": 8}},
      "network": [{"type": "flatten"}, {"type": "dense", "units": )" +
                        std::to_string(outputs) + R"(}],
      "training": {"epochs": 1, "batch_size": 4, "optimizer": {"type": "sgd", "learning_rate": 0.01}}})");
    return {"--config", (path() / "c.json").string(), "--run-dir", (path() / "run").string()};
  }
  ProgramResult train(std::vector<std::string> arguments, const std::string& more = "") const {
    fs::remove_all(path() / "run");
    if (!more.empty()) arguments.push_back(more);
    return run_program(program_path("cnn-train"), arguments);
  }
};

TEST_CASE("names of the parts of a data set are known", "[data]") {
  for (const char* name :
       {"train", "Training", "train_set", "trainset", "training_set", "train_images", "seg_train"})
    CHECK(part_of(name) == DataPart::train);
  for (const char* name : {"val", "valid", "validation", "dev", "val_set", "validation-images"})
    CHECK(part_of(name) == DataPart::validation);
  for (const char* name : {"test", "Testing", "test_set", "eval", "evaluation", "seg_test", "test images"})
    CHECK(part_of(name) == DataPart::test);
  for (const char* name : {"cat", "trainer", "strain", "testament", "contest", "valley", "retrain"})
    CHECK(part_of(name) == DataPart::none);
  CHECK(are_parts({"seg_train", "seg_test", "seg_pred"}));
  CHECK(are_parts({"train_images", "test"}));
  CHECK_FALSE(are_parts({"steam_train", "crash_test"}));
  CHECK_FALSE(are_parts({"train", "car", "bus"}));
  CHECK_FALSE(are_parts({"test", "val"}));
}

TEST_CASE("--init takes the parts of a data set apart, whatever their usual names", "[cli]") {
  struct Layout {
    const char *train, *test, *in_train, *in_test;
  };
  const Layout layout =
      GENERATE(Layout{"training_set", "test_set", "", ""}, Layout{"train_images", "test_images", "", ""},
               Layout{"train", "eval", "", ""}, Layout{"seg_train", "seg_test", "/seg_train", "/seg_test"});
  std::vector<std::string> folders;
  for (const char* name : {"cats", "dogs"}) {
    folders.push_back(std::string(layout.train) + layout.in_train + "/" + name);
    folders.push_back(std::string(layout.test) + layout.in_test + "/" + name);
  }
  const ClassPictures pictures(folders);
  const fs::path out = pictures.path() / "photos.json";
  const ProgramResult result = pictures.init({"--out", out.string()});
  INFO(result.description());
  REQUIRE(result.exit_code == 0);
  CHECK_THAT(result.err, ContainsSubstring("2 classes, 6 images"));
  const Json json = Json::parse(read_file(out), nullptr, true, true);
  CHECK(json["name"] == "photos");
  CHECK(json["data"]["train"] == std::string("photos/") + layout.train + layout.in_train);
  CHECK(json["data"]["test"] == std::string("photos/") + layout.test + layout.in_test);
  CHECK(
      pictures.train({"--config", out.string(), "--run-dir", (pictures.path() / "run").string()}).exit_code ==
      0);
}

TEST_CASE("a training on the folder that holds the parts is refused, with the place of the training part",
          "[cli]") {
  const ClassPictures pictures({"train/cats", "train/dogs", "test/cats", "test/dogs"});
  for (const char* more : {"", "--dry-run"}) {
    const ProgramResult result = pictures.train(pictures.config("."), more);
    INFO(result.description());
    CHECK(result.exit_code == 1);
    CHECK_THAT(result.err, ContainsSubstring("(test, train) are named like the parts of a data set") &&
                               ContainsSubstring("photos/train;") &&
                               ContainsSubstring("\"classes\": \"top\""));
    CHECK_FALSE(fs::exists(pictures.path() / "run"));
  }
  const ProgramResult meant = pictures.train(pictures.config(".", 2, "\"classes\": \"top\", "));
  INFO(meant.description());
  CHECK(meant.exit_code == 0);
}

TEST_CASE("classes that all hold the same folders are asked about", "[cli]") {
  const ClassPictures pictures({"north/cats", "north/dogs", "south/cats", "south/dogs"});
  const ProgramResult asked = pictures.init();
  INFO(asked.description());
  CHECK(asked.exit_code == 2);
  CHECK(asked.out.empty());
  CHECK_THAT(asked.err,
             ContainsSubstring("all of its folders (north, south) hold the same folders (cats, dogs)") &&
                 ContainsSubstring("--classes top") && ContainsSubstring("--classes leaf"));
  const ProgramResult training = pictures.train(pictures.config("."));
  INFO(training.description());
  CHECK(training.exit_code == 1);
  CHECK_THAT(training.err, ContainsSubstring("hold the same folders (cats, dogs)"));

  const auto answered = [&](const char* answer, const char* classes) {
    const fs::path out = pictures.path() / (std::string(answer) + ".json");
    const ProgramResult result = pictures.init({"--classes", answer, "--out", out.string()});
    INFO(result.description());
    CHECK(result.exit_code == 0);
    CHECK_THAT(result.err, ContainsSubstring(classes));
    CHECK(Json::parse(read_file(out), nullptr, true, true)["data"]["classes"] == answer);
    const ProgramResult run =
        pictures.train({"--config", out.string(), "--run-dir", (pictures.path() / "run").string()});
    INFO(run.description());
    CHECK(run.exit_code == 0);
    CHECK_THAT(run.err, ContainsSubstring(classes));
  };
  answered("top", "2 classes");
  answered("leaf", "4 classes");
}

TEST_CASE("folders that are merged into a class are told, and are classes if they shall be", "[cli]") {
  const ClassPictures pictures(
      {"Fruit/Apple/Golden", "Fruit/Apple/Red", "Fruit/Pear", "Vegetable/Carrot", "Packages"});
  const std::string note =
      "4 folders below the 3 class folders are merged into them, for example "
      "Fruit/Apple/Golden into \"Fruit\"";
  const ProgramResult init = pictures.init();
  INFO(init.description());
  CHECK(init.exit_code == 0);
  CHECK_THAT(init.err, ContainsSubstring(note) && ContainsSubstring("--classes leaf"));
  for (const char* more : {"", "--dry-run"}) {
    const ProgramResult top = pictures.train(pictures.config(".", 3), more);
    INFO(top.description());
    CHECK(top.exit_code == 0);
    CHECK_THAT(top.err, ContainsSubstring(note) && ContainsSubstring("\"classes\": \"leaf\""));
  }
  const ProgramResult chosen = pictures.train(pictures.config(".", 3, "\"classes\": \"top\", "));
  CHECK(chosen.err.find("merged") == std::string::npos);

  const ProgramResult leaf = pictures.train(pictures.config(".", 5, "\"classes\": \"leaf\", "));
  INFO(leaf.description());
  CHECK(leaf.exit_code == 0);
  CHECK_THAT(leaf.err,
             ContainsSubstring("5 classes (Fruit/Apple/Golden, Fruit/Apple/Red, Fruit/Pear, Packages, "
                               "Vegetable/Carrot)"));
  // The model knows: the same folder is scored by the same classes.
  const ProgramResult eval = run_program(
      program_path("cnn-eval"), {"--model", (pictures.path() / "run/best.safetensors").string(), "--images",
                                 (pictures.path() / "photos").string(), "--json", "-"});
  INFO(eval.description());
  CHECK(eval.exit_code == 0);
  const Json json = Json::parse(eval.out);
  CHECK(json["per_class"][0]["name"] == "Fruit/Apple/Golden");
  CHECK(json["per_class"][4]["support"] == 3);
  const ProgramResult exported =
      run_program(program_path("cnn-export"), {"--model", (pictures.path() / "run/best.safetensors").string(),
                                               "--images", (pictures.path() / "photos").string(), "--json",
                                               "-", "--onnx", (pictures.path() / "m.onnx").string()});
  INFO(exported.description());
  CHECK(exported.exit_code == 0);
  CHECK(Json::parse(exported.out)["comparison"].contains("engine_accuracy"));
}

TEST_CASE("--init refuses class folders whose names are not UTF-8: no model could store them", "[cli]") {
  const ClassPictures pictures({"cats", "M\xfcller"});
  const fs::path out = pictures.path() / "c.json";
  const ProgramResult result = pictures.init({"--out", out.string()});
  INFO(result.description());
  CHECK(result.exit_code == 2);
  CHECK_THAT(result.err, ContainsSubstring("\"M\\xFCller\" is not UTF-8") && ContainsSubstring("convmv"));
  CHECK_FALSE(fs::exists(out));
}

TEST_CASE("pictures whose names are not UTF-8 are no hindrance to --init and training", "[cli]") {
  const ClassPictures pictures({"cats", "dogs"});
  for (int i = 0; i < 3; ++i)
    fs::rename(pictures.path() / ("photos/cats/" + std::to_string(i) + ".ppm"),
               pictures.path() / ("photos/cats/\xe9" + std::to_string(i) + ".ppm"));
  const fs::path out = pictures.path() / "c.json";
  REQUIRE(pictures.init({"--out", out.string()}).exit_code == 0);
  const ProgramResult run =
      pictures.train({"--config", out.string(), "--run-dir", (pictures.path() / "run").string()});
  INFO(run.description());
  CHECK(run.exit_code == 0);
}

}  // namespace
}  // namespace cnn
