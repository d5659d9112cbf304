// cnn-train --init: what it writes for folders of many kinds, and that it can be trained as it is.
#include <nlohmann/json.hpp>

#include "catch.h"
#include "core/file.h"
#include "core/thread_pool.h"
#include "data/folder_layout.h"
#include "data/folder_survey.h"
#include "picture_folder.h"
#include "run_program.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

ProgramResult init(const fs::path& folder, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments{"--init", folder.string()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run_program(program_path("cnn-train"), arguments);
}

Json written(const fs::path& folder, const fs::path& out) {
  const ProgramResult result = init(folder, {"--out", out.string()});
  INFO(result.description());
  REQUIRE(result.exit_code == 0);
  CHECK(result.out.empty());
  return Json::parse(read_file(out), nullptr, true, true);
}

ProgramResult train(const fs::path& config, const fs::path& run, int epochs) {
  return run_program(program_path("cnn-train"), {"--config", config.string(), "--run-dir", run.string(),
                                                 "--set", "training.epochs=" + std::to_string(epochs)});
}

const fs::path kDigits = fs::path(CNN_SOURCE_DIR) / "data/digits";

TEST_CASE("--init writes a config that can be trained as it is", "[cli]") {
  const TemporaryFolder folder;
  const fs::path out = folder.path() / "digits.json";
  const ProgramResult result = init(kDigits, {"--out", out.string()});
  INFO(result.description());
  REQUIRE(result.exit_code == 0);
  CHECK(result.out.empty());
  CHECK_THAT(result.err, ContainsSubstring("10 classes, 3,000 images (300 each): 28x28 pixels, all grey") &&
                             ContainsSubstring("1,000 for the test") && ContainsSubstring("next: cnn-train"));
  const Json json = Json::parse(read_file(out), nullptr, true, true);
  CHECK(json["name"] == "digits");
  CHECK(json["data"]["image"] ==
        Json({{"channels", 1}, {"height", 28}, {"width", 28}, {"resize", "stretch"}}));
  CHECK(json["data"]["validation"]["fraction"] == 0.1);
  CHECK(json["data"]["bad_images"] == "fail");
  CHECK(json["data"]["augment"].size() == 5);  // digits are not mirrored
  CHECK(json["network"][0] ==
        Json({{"type", "conv"}, {"out_channels", 16}, {"kernel_size", 3}, {"padding", 1}, {"bias", false}}));
  CHECK(json["network"].back()["units"] == 10);

  const ProgramResult training = train(out, folder.path() / "run", 1);
  INFO(training.description());
  REQUIRE(training.exit_code == 0);
  const Json best = Json::parse(read_file(folder.path() / "run/result.json"));
  CHECK(best["test"]["images"] == 1000);
  CHECK(best["test"]["accuracy"].get<double>() > 0.2);  // chance is 0.1
}

TEST_CASE("--init --from begins with the weights of a model", "[cli]") {
  const PictureFolder folder;
  for (const char* name : {"animals/cat", "animals/dog", "animals/hen"})
    folder.put_class(name, 12, 40, 40, true);
  const auto file = [&](const char* name) { return (folder.path() / name).string(); };
  folder.write("old.json", R"({"data": {"format": "folder", "train": "animals",
      "image": {"channels": 3, "height": 24, "width": 16, "resize": "crop", "short_side": 30}},
      "network": [{"type": "conv", "name": "first", "out_channels": 4, "kernel_size": 3, "padding": 1},
                  {"type": "residual", "shortcut": "projection", "layers": [
                    {"type": "conv", "out_channels": 6, "kernel_size": 3, "padding": 1, "bias": false},
                    {"type": "batch_norm", "activation": "relu"}]},
                  {"type": "max_pool", "kernel_size": 2}, {"type": "global_avg_pool"},
                  {"type": "dense", "units": 3}],
      "training": {"epochs": 1, "batch_size": 4, "optimizer": {"type": "sgd", "learning_rate": 0.01}}})");
  REQUIRE(train(file("old.json"), file("old"), 1).exit_code == 0);
  folder.put_class("new/left", 12, 40, 40, true);
  folder.put_class("new/right", 12, 40, 40, true);
  const std::string weights = file("old/best.safetensors");
  const ProgramResult result =
      init(file("new"), {"--from", weights, "--out", file("new.json"), "--epochs", "3"});
  INFO(result.description());
  REQUIRE(result.exit_code == 0);
  CHECK_THAT(result.err,
             ContainsSubstring("network: old with the weights of " + weights + ", and a new last layer"));
  const std::string text = read_file(file("new.json"));
  INFO(text);
  CHECK_THAT(text,
             ContainsSubstring(R"(
    {"type": "conv", "name": "first", "out_channels": 4, "kernel_size": 3, "padding": 1},)") &&
                 ContainsSubstring(R"(
    {"type": "residual", "shortcut": "projection", "layers": [
      {"type": "conv", "out_channels": 6, "kernel_size": 3, "padding": 1, "bias": false},
      {"type": "batch_norm", "activation": "relu"}
    ]},  // 6x24x16
    {"type": "max_pool", "kernel_size": 2}, )") &&
                 ContainsSubstring("\"initial_weights\": {\"file\": \"old/best.safetensors\", \"except\": "
                                   "[\"dense1\"]}"));
  const Json json = Json::parse(text, nullptr, true, true);
  CHECK(json["data"]["image"]["short_side"] == 30);
  CHECK(json["data"]["normalize"]["mean"].size() == 3);
  CHECK(json["network"].back()["units"] == 2);
  CHECK(json["training"]["freeze"] == "trunk");
  const ProgramResult training = train(file("new.json"), file("run"), 3);
  INFO(training.description());
  CHECK(training.exit_code == 0);

  CHECK(init(file("new"), {"--from", weights, "--network", "small"}).exit_code == 2);
  const ProgramResult wrong = init(file("new"), {"--from", file("new.json")});
  CHECK(wrong.exit_code != 0);
  CHECK_THAT(wrong.err, ContainsSubstring(file("new.json")));
}

TEST_CASE("--init to stdout prints only the config, with its paths relative to the current folder", "[cli]") {
  const PictureFolder folder;
  folder.put_class("photos/cat", 4, 40, 40, true);
  folder.put_class("photos/dog", 4, 40, 40, true);
  ProgramOptions here;
  here.working_folder = folder.path();
  const ProgramResult result = run_program(program_path("cnn-train"), {"--init", "photos"}, here);
  INFO(result.description());
  REQUIRE(result.exit_code == 0);
  const Json json = Json::parse(result.out, nullptr, true, true);
  CHECK(json["data"]["train"] == "photos");
  CHECK(json["name"] == "photos");
  CHECK_THAT(result.err, ContainsSubstring("2 classes"));
  const ProgramResult quiet = run_program(program_path("cnn-train"), {"--init", "photos", "--quiet"}, here);
  CHECK(quiet.out == result.out);
  CHECK(quiet.err.empty());
}

TEST_CASE("--init writes paths relative to the file, wherever it is", "[cli]") {
  const PictureFolder folder;
  folder.put_class("sets/photos/cat", 4, 40, 40, true);
  folder.put_class("sets/photos/dog", 4, 40, 40, true);
  fs::create_directories(folder.path() / "configs");
  CHECK(written(folder.path() / "sets/photos", folder.path() / "a.json")["data"]["train"] == "sets/photos");
  const fs::path beside = folder.path() / "configs/b.json";
  CHECK(written(folder.path() / "sets/photos/", beside)["data"]["train"] == "../sets/photos");
  CHECK(train(beside, folder.path() / "run", 1).exit_code == 0);
}

TEST_CASE("--init sees train, validation and test folders", "[cli]") {
  const PictureFolder folder;
  for (const char* part : {"Train", "valid", "test"})
    for (const char* name : {"cat", "dog"}) folder.put_class(std::string(part) + "/" + name, 3, 20, 20, true);
  const fs::path out = folder.path() / "c.json";
  const Json json = written(folder.path(), out);
  CHECK(json["data"]["train"] == "Train");
  CHECK(json["data"]["validation"] == "valid");
  CHECK(json["data"]["test"] == "test");
  CHECK_THAT(read_file(out), ContainsSubstring("Every training image was opened.") &&
                                 ContainsSubstring("Every training image can be read."));
  CHECK(train(out, folder.path() / "run", 1).exit_code == 0);

  // The training part alone: what lies beside it is said.
  CHECK_THAT(init(folder.path() / "Train").err, ContainsSubstring("not used: test, valid beside it; --init"));

  // A test folder with a class that training lacks, or without classes, cannot be one.
  folder.put("test/horse/0.ppm", 20, 20, true);
  const ProgramResult unknown = init(folder.path());
  CHECK_THAT(unknown.err, ContainsSubstring("classes that are missing from the training folder: horse"));
  CHECK(Json::parse(unknown.out, nullptr, true, true)["data"].count("test") == 0);
}

TEST_CASE("a folder called train may be a class: of vehicles", "[cli]") {
  const PictureFolder folder;
  for (const char* name : {"train", "car", "bus"}) folder.put_class(name, 3, 20, 20, true);
  const ProgramResult result = init(folder.path());
  INFO(result.description());
  CHECK(result.exit_code == 0);
  CHECK_THAT(result.err, ContainsSubstring("3 classes"));
}

TEST_CASE("--init chooses by what the images are", "[cli]") {
  const PictureFolder folder;
  const fs::path out = folder.path() / "c.json";
  SECTION("large photos of one shape keep it") {
    folder.put_class("set/cat", 4, 400, 200, true);
    folder.put_class("set/dog", 4, 440, 220, true);
    const Json image = written(folder.path() / "set", out)["data"]["image"];
    CHECK(image == Json({{"channels", 3}, {"height", 48}, {"width", 96}, {"resize", "stretch"}}));
  }
  SECTION("photos of many shapes are fitted") {
    folder.put_class("set/cat", 4, 400, 200, true);
    folder.put_class("set/dog", 4, 200, 400, true);
    CHECK(written(folder.path() / "set", out)["data"]["image"]["resize"] == "fit");
  }
  SECTION("grey ones stored as color are grey") {
    for (const char* name : {"a", "b"})
      for (int i = 0; i < 4; ++i) {
        std::string content = "P6\n10 10\n255\n";
        content.append(300, static_cast<char>(40 * i));
        folder.write(std::string("set/") + name + "/" + std::to_string(i) + ".ppm", content);
      }
    CHECK(written(folder.path() / "set", out)["data"]["image"] ==
          Json({{"channels", 1}, {"height", 10}, {"width", 10}, {"resize", "stretch"}}));
  }
  SECTION("color photos of things may be mirrored, signs may not") {
    folder.put_class("set/phone", 4, 32, 32, true);
    folder.put_class("set/dog_12", 4, 32, 32, true);
    CHECK(written(folder.path() / "set", out)["data"]["augment"].size() == 3);
    fs::remove(out);
    folder.put_class("set/turn-left", 4, 32, 32, true);
    CHECK(written(folder.path() / "set", out)["data"]["augment"].size() == 5);
  }
  SECTION("uneven and tiny classes are said, bad images left out") {
    folder.put_class("set/many", 60, 20, 20, true);
    folder.put_class("set/few", 3, 20, 20, true);
    folder.write("set/few/broken.png", "this is text");
    const ProgramResult result = init(folder.path() / "set", {"--out", out.string()});
    INFO(result.description());
    CHECK(result.exit_code == 0);
    CHECK_THAT(result.err,
               ContainsSubstring("classes are uneven") &&
                   ContainsSubstring("1 class with fewer than 10 images (few): expect little of it.") &&
                   ContainsSubstring("broken.png: is text, not an image"));
    CHECK(Json::parse(read_file(out), nullptr, true, true)["data"]["bad_images"] == "skip");
    // 12 of 60 and 1 of 3 are held back, the broken one counts nowhere.
    CHECK_THAT(read_file(out), ContainsSubstring("An epoch of 50 training images has 4 steps"));
    CHECK(train(out, folder.path() / "run", 1).exit_code == 0);
  }
  SECTION("a class without an image that can be read does not count") {
    folder.put_class("set/one", 12, 20, 20, true);
    folder.put_class("set/two", 12, 20, 20, true);
    folder.write("set/broken/a.png", "text");
    const ProgramResult result = init(folder.path() / "set", {"--out", out.string()});
    INFO(result.description());
    REQUIRE(result.exit_code == 0);
    CHECK_THAT(result.err,
               ContainsSubstring("2 classes") && ContainsSubstring("No image of \"broken\" can be read"));
    CHECK(Json::parse(read_file(out), nullptr, true, true)["network"].back()["units"] == 2);
    const ProgramResult stopped = train(out, folder.path() / "run", 1);
    CHECK(stopped.exit_code == 1);
    CHECK_THAT(stopped.err, ContainsSubstring("no image of class \"broken\" can be used"));
    fs::remove_all(folder.path() / "set/broken");
    CHECK(train(out, folder.path() / "run", 1).exit_code == 0);
  }
  SECTION("one image per class leaves none for validation") {
    folder.put_class("set/one", 1, 20, 20, true);
    folder.put_class("set/two", 1, 20, 20, true);
    CHECK(written(folder.path() / "set", out)["data"].count("validation") == 0);
    CHECK(train(out, folder.path() / "run", 1).exit_code == 0);
  }
  SECTION("the tiniest images") {
    folder.put_class("set/one", 2, 1, 3, true);
    folder.put_class("set/two", 2, 2, 1, true);
    written(folder.path() / "set", out);
    CHECK(train(out, folder.path() / "run", 1).exit_code == 0);
  }
  SECTION("small ones of one size are enlarged to what the network takes") {
    for (const char* name : {"set/one", "set/two"}) folder.put_class(name, 2, 6, 5, true);
    written(folder.path() / "set", out);
    CHECK_THAT(read_file(out), ContainsSubstring("they are enlarged to 8x8"));
  }
  SECTION("names in any script, even one that would end a comment") {
    folder.put_class("写真 \"集\"/猫ねこ", 4, 32, 32, true);
    folder.put_class("写真 \"集\"/犬\n\"x\": 1, //いぬ", 4, 32, 32, true);
    written(folder.path() / "写真 \"集\"", out);
    CHECK(train(out, folder.path() / "run", 1).exit_code == 0);
  }
}

TEST_CASE("--init refuses what cannot be learned from, with exit 2 and nothing on stdout", "[cli]") {
  const PictureFolder folder;
  const auto refused = [&](const std::string& name, const std::string& message,
                           std::vector<std::string> more = {}) {
    const ProgramResult result = init(folder.path() / name, std::move(more));
    INFO(result.description());
    CHECK(result.exit_code == 2);
    CHECK(result.out.empty());
    CHECK_THAT(result.err, ContainsSubstring(message));
  };
  folder.put_class("one/cat", 2, 20, 20, true);
  folder.put_class("plain", 2, 20, 20, true);
  folder.put_class("nested/inner/cat", 2, 20, 20, true);
  folder.put_class("nested/inner/dog", 2, 20, 20, true);
  folder.put_class("unsorted/train", 2, 20, 20, true);
  folder.put_class("unsorted/test", 2, 20, 20, true);
  folder.put_class("good/cat", 2, 20, 20, true);
  folder.put_class("good/dog", 2, 20, 20, true);
  folder.write("bad/cat/a.png", "text");
  folder.write("bad/dog/a.png", "text");
  folder.put_class("half/cat", 2, 20, 20, true);
  folder.write("half/dog/a.png", "text");
  fs::create_directories(folder.path() / "empty");
  refused("half", "there is one class (\"cat\") with images that can be read");
  refused("nowhere", "there is no such folder");
  refused("plain/0.ppm", "is not a folder");
  refused("empty", "there is no image in it");
  refused("plain", "no folder per class");
  refused("one", "there is one class (\"cat\"); a classifier needs at least 2");
  refused("nested", "try --init");
  refused("unsorted", "named like the parts of a data set, but train holds no folder per class");
  refused("bad", "none of the 2 images that were opened can be read");
  folder.write("mine.json", "do not touch");
  refused("good", "exists and is not overwritten", {"--out", (folder.path() / "mine.json").string()});
  CHECK(read_file(folder.path() / "mine.json") == "do not touch");
  refused("good", "is a folder", {"--out", folder.path().string()});
  refused("good", "there is no folder", {"--out", (folder.path() / "no/where.json").string()});
  refused("good", "does not go with --init", {"--set", "seed=2"});
  refused("good", "--config", {"--config", "a.json"});
  const ProgramResult out = run_program(program_path("cnn-train"), {"--config", "a.json", "--out", "b.json"});
  CHECK(out.exit_code == 2);
  CHECK_THAT(out.err, ContainsSubstring("--init"));
}

TEST_CASE("a survey looks at images spread over the folder, the same on any number of threads", "[data]") {
  const PictureFolder folder;
  folder.put_class("a", 30, 20, 10, false);
  folder.put_class("b", 30, 40, 10, true);
  const ImageFiles files = scan_folder(folder.path());
  ThreadPool one(1), three(3);
  const FolderSurvey all = survey_images(files, {}, one);
  CHECK(all.looked_at == 60);
  CHECK(all.good == 60);
  CHECK(all.grey == 30);
  CHECK(all.width.least == 20);
  CHECK(all.width.most == 40);
  CHECK(all.height.median == 10);
  CHECK_FALSE(all.one_size());
  CHECK(all.aspect_low == 2);
  CHECK(all.aspect_high == 4);
  const FolderSurvey some = survey_images(files, {.images = 10}, three);
  CHECK(some.looked_at == 10);
  CHECK(some.grey == 5);
  CHECK(survey_images(files, {.bytes = 1, .at_least = 6}, three).looked_at == 6);
}

}  // namespace
}  // namespace cnn
