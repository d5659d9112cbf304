// cnn-export as its users run it: command line, files, messages, exit status.
#include <atomic>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "catch.h"
#include "core/error.h"
#include "core/file.h"
#include "export/c_words.h"
#include "export/outputs.h"
#include "export_cases.h"
#include "picture_folder.h"
#include "run_program.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

/// A model for 14 x 14 grey pictures, and pictures.
struct ExportFolder : PictureFolder {
  ExportFolder() {
    ExportedCase one(kExportCases.front());
    one.description.classes = {"a", "b", "c", "d", "e"};
    one.save(model());
    for (const char* name : {"test/a", "test/b", "test/c"}) put_class(name, 4, 14, 14, false);
  }
  std::string model() const { return at("m.safetensors"); }
  std::string at(const std::string& name) const { return (path() / name).string(); }
  ProgramResult run(std::vector<std::string> arguments, const std::string& model_file = "") const {
    arguments.insert(arguments.begin(), {"--model", model_file.empty() ? model() : model_file});
    return run_program(program_path("cnn-export"), arguments);
  }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path()), fs::directory_iterator()));
  }
};

TEST_CASE("cnn-export writes ONNX and C, and says what they cost", "[export][cli]") {
  const ExportFolder folder;
  ProgramResult result =
      folder.run({"--onnx", folder.at("m.onnx"), "--images", folder.at("test"), "--json", "-"});
  INFO(result.description());
  REQUIRE(result.exit_code == 0);
  Json json = Json::parse(result.out);
  CHECK(json["format"] == "onnx");
  CHECK(json["classes"] == Json({"a", "b", "c", "d", "e"}));
  CHECK(json["image"] == Json({{"channels", 1}, {"height", 14}, {"width", 14}, {"resize", "stretch"}}));
  CHECK(json["comparison"]["images"] == 12);
  CHECK(json["comparison"]["agreement"] == 1.0);
  CHECK(json["comparison"]["engine_accuracy"] == json["comparison"]["export_accuracy"]);
  CHECK(json["comparison"]["largest_difference"].get<double>() < 1e-5);
  CHECK(json["file_bytes"] == fs::file_size(folder.at("m.onnx")));

  result = folder.run({"--c", folder.at("c"), "--name", "net", "--json", folder.at("c.json")});
  INFO(result.description());
  REQUIRE(result.exit_code == 0);
  CHECK_THAT(result.out, ContainsSubstring("net.h, "));
  for (const char* name : {"c/net.h", "c/net.c", "c/net_main.c"}) CHECK(fs::exists(folder.at(name)));
  json = Json::parse(read_file(folder.at("c.json")));
  CHECK_THAT(read_file(folder.at("c/net.h")),
             ContainsSubstring("#define net_SCRATCH_BYTES " + json["scratch_bytes"].dump() + "\n"));
  // conv 4x14x14 beside its input 14x14 is the most that lives at a time.
  CHECK(json["scratch_bytes"] == (4 * 14 * 14 + 14 * 14) * 4);

  result = folder.run({"--c", folder.at("i"), "--int8", "--calibrate", folder.at("test/a"), "--images",
                       folder.at("test"), "--json", "-"});
  INFO(result.description());
  REQUIRE(result.exit_code == 0);
  json = Json::parse(result.out);
  CHECK(json["arithmetic"] == "int8");
  CHECK(json["scratch_bytes"] == 4 * 14 * 14 + 14 * 14);
  CHECK(json["calibration_images"] == 4);
  CHECK(json["layers"].size() == 4);
  CHECK(json["layers"][0]["signal_to_noise"].get<double>() > 20);
  CHECK(fs::exists(folder.at("i/lenet_main.c")));  // the config's name
}

TEST_CASE("cnn-export replaces nothing unless it is told to", "[export][cli]") {
  const ExportFolder folder;
  const std::string onnx = folder.at("m.onnx");
  folder.write("m.onnx", "old");
  ProgramResult result = folder.run({"--onnx", onnx});
  CHECK(result.exit_code == 2);
  CHECK_THAT(result.err, ContainsSubstring("m.onnx: exists already; --force replaces it"));
  CHECK(read_file(onnx) == "old");
  CHECK(folder.run({"--onnx", onnx, "--force"}).exit_code == 0);
  CHECK(read_file(onnx) != "old");
  result = folder.run({"--onnx", folder.model(), "--force"});
  CHECK(result.exit_code == 2);
  CHECK_THAT(result.err, ContainsSubstring("is the model itself"));
  folder.write("c/net.c", "old");
  CHECK(folder.run({"--c", folder.at("c"), "--name", "net"}).exit_code == 2);
  CHECK_FALSE(fs::exists(folder.at("c/net.h")));
}

TEST_CASE("cnn-export refuses what it cannot do, and leaves nothing", "[export][cli]") {
  const ExportFolder folder;
  const std::string onnx = folder.at("m.onnx"), c = folder.at("c");
  const std::size_t before = folder.files();
  const auto refuses = [&](const std::vector<std::string>& arguments, int code, const std::string& reason) {
    const ProgramResult result = folder.run(arguments);
    INFO(result.description());
    CHECK(result.exit_code == code);
    CHECK_THAT(result.err, ContainsSubstring(reason));
    CHECK(folder.files() == before);
  };
  refuses({}, 2, "say what to write, one of the two: --onnx OUT.onnx or --c FOLDER");
  refuses({"--onnx", onnx, "--c", c}, 2, "say what to write");
  refuses({"--onnx", onnx, "--name", "net"}, 2, "--name does not go with --onnx");
  refuses({"--c", c, "--uint8"}, 2, "--uint8 does not go with --c");
  refuses({"--c", c, "--int8"}, 2, "--int8 needs --calibrate FOLDER");
  refuses({"--c", c, "--calibrate", folder.at("test")}, 2, "--calibrate goes with --int8");
  refuses({"--c", c, "--name", "int"}, 2, "must be a name in C");
  refuses({"--c", c, "--name", "a-b"}, 2, "must be a name in C");
  refuses({"--onnx", folder.at("no/m.onnx")}, 2, "there is no folder");
  refuses({"--onnx", onnx, "--images", folder.at("no")}, 2, "there is no such folder");
  refuses({"--onnx", onnx, "--images", folder.model()}, 2, "is not a folder; name a folder of images");
  refuses({"--c", c, "--int8", "--calibrate", folder.model()}, 2, "is not a folder; name a folder of images");
  refuses({"--c", "-"}, 2, "--c -: C code is several files, so it needs a folder");
  refuses({"--onnx", "-", "--json", "-"}, 2, "only one of them can go to standard output");
  refuses({"--onnx", onnx, "--json", onnx}, 2, "is already a file of the export");
  refuses({"--onnx", "/dev/full"}, 1, "/dev/full");
  refuses({"--c", c, "--json", "/dev/full"}, 1, "/dev/full");
  for (const auto& [name, content] : std::vector<std::pair<std::string, std::string>>{
           {"x.safetensors", "not a model"}, {"x.safetensors", std::string(8, '\0')}}) {
    folder.write(name, content);
    const ProgramResult result = folder.run({"--onnx", onnx}, folder.at(name));
    CHECK(result.exit_code == 1);
    CHECK_THAT(result.err, ContainsSubstring("x.safetensors"));
    CHECK_FALSE(fs::exists(onnx));
  }
}

TEST_CASE("cnn-export lists bad images and unknown classes", "[export][cli]") {
  const ExportFolder folder;
  folder.write("test/a/bad.png", "not an image");
  ProgramResult result = folder.run({"--onnx", folder.at("m.onnx"), "--images", folder.at("test")});
  INFO(result.description());
  CHECK(result.exit_code == 1);
  CHECK_THAT(result.err,
             ContainsSubstring("1 bad image of --images left out") && ContainsSubstring("bad.png: "));
  CHECK_THAT(result.out, ContainsSubstring("of 12 images"));
  // Those of --calibrate, too: the others show the ranges.
  result = folder.run({"--c", folder.at("c"), "--int8", "--calibrate", folder.at("test"), "--json", "-"});
  INFO(result.description());
  CHECK(result.exit_code == 1);
  CHECK_THAT(result.err,
             ContainsSubstring("1 bad image of --calibrate left out") && ContainsSubstring("bad.png: "));
  CHECK(Json::parse(result.out)["calibration_images"] == 12);
  CHECK(Json::parse(result.out)["bad_calibration_images"].size() == 1);
  CHECK(fs::exists(folder.at("c/lenet.c")));
  folder.write("broken/a.png", "not an image");
  result = folder.run({"--c", folder.at("d"), "--int8", "--calibrate", folder.at("broken")});
  CHECK(result.exit_code == 1);
  CHECK_THAT(result.err, ContainsSubstring("none of its files could be read as an image"));
  CHECK_FALSE(fs::exists(folder.at("d")));
  folder.put_class("other/zebra", 2, 14, 14, false);
  result = folder.run({"--onnx", folder.at("n.onnx"), "--images", folder.at("other")});
  CHECK(result.exit_code == 1);
  CHECK_THAT(result.err, ContainsSubstring("zebra"));
  CHECK_FALSE(fs::exists(folder.at("n.onnx")));
}

TEST_CASE("cnn-export warns of images that may not show the ranges of values", "[export][cli]") {
  const ExportFolder folder;
  for (const char* name : {"many/a", "many/b", "many/c", "many/d"}) folder.put_class(name, 16, 14, 14, false);
  const auto warnings = [&](const std::string& images) {
    const ProgramResult result = folder.run({"--c", folder.at("c"), "--int8", "--calibrate",
                                             folder.at(images), "--force", "--json", folder.at("c.json")});
    INFO(result.description());
    CHECK(result.exit_code == 0);
    const Json json = Json::parse(read_file(folder.at("c.json")));
    for (const Json& warning : json["warnings"])
      CHECK_THAT(result.err, ContainsSubstring("cnn-export: warning: " + warning.get<std::string>()));
    return json["warnings"];
  };
  CHECK(warnings("many").empty());
  const Json few = warnings("test");
  REQUIRE(few.size() == 1);
  CHECK_THAT(few[0].get<std::string>(),
             ContainsSubstring("12 images may not show the whole range of every value; take 64"));
  folder.put_class("many/zebra", 16, 14, 14, false);
  const Json foreign = warnings("many");
  REQUIRE(foreign.size() == 1);
  CHECK_THAT(foreign[0].get<std::string>(),
             ContainsSubstring("1 of its classes is not of the model: \"zebra\""));
}

TEST_CASE("cnn-export --onnx - writes the model to standard output", "[export][cli]") {
  const ExportFolder folder;
  REQUIRE(folder.run({"--onnx", folder.at("m.onnx")}).exit_code == 0);
  const std::size_t before = folder.files();
  const ProgramOptions there{.environment = {}, .working_folder = folder.path()};
  const std::string program = program_path("cnn-export").string() + " --model m.safetensors --onnx -";
  ProgramResult result = run_program("/bin/sh", {"-c", program}, there);
  INFO(result.description());
  CHECK(result.exit_code == 0);
  CHECK((result.out == read_file(folder.at("m.onnx"))));
  CHECK_THAT(result.err, ContainsSubstring("in: image, float32 [N, 1, 14, 14]"));
  CHECK(folder.files() == before);
  result = run_program("/bin/sh", {"-c", program + " --json m.json >/dev/full"}, there);
  CHECK(result.exit_code == 1);
  CHECK_THAT(result.err, ContainsSubstring("cannot write to standard output: No space left on device"));
  CHECK(folder.files() == before);
  if (!fs::exists("/usr/bin/script")) {
    WARN("skipped: nothing here makes a terminal");
    return;
  }
  result = run_program("/usr/bin/script", {"-q", "-e", "-c", program, "/dev/null"}, there);
  CHECK(result.exit_code == 2);
  CHECK_THAT(result.out, ContainsSubstring("standard output is a terminal"));
}

TEST_CASE("files of an export appear together, or not at all", "[export]") {
  const PictureFolder folder;
  folder.write("old.c", "old");
  const fs::path old = folder.path() / "old.c", fresh = folder.path() / "new/a.h";
  CHECK_FALSE(write_outputs({{old, "text"}, {fresh, "text"}}, std::atomic<bool>{true}));
  CHECK_THROWS_AS(write_outputs({{old, "text"}, {fresh, "text"}, {"/dev/full", "text"}}), Error);
  CHECK_THROWS_AS(write_outputs({{old, "text"}, {fresh, "text"}, {folder.path() / "no/no/a.h", "text"}}),
                  Error);
  CHECK(read_file(old) == "old");
  CHECK(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 1);
  write_outputs({{old, "text"}, {fresh, "text"}});
  CHECK(read_file(old) == "text");
  CHECK(read_file(fresh) == "text");
}

#ifdef CNN_FAULTS
/// Exit status and files of an export of which one operation on files goes wrong; "" for none.
std::pair<int, std::size_t> export_with_fault(const ExportFolder& folder, const std::string& fault,
                                              const std::string& count_file = "") {
  ProgramOptions options;
  options.environment = {{"LD_PRELOAD", CNN_FAULTS}, {"CNN_FAULT_FOLDER", folder.at("out")}};
  if (!fault.empty()) options.environment.emplace_back("CNN_FAULT", fault);
  if (!count_file.empty()) options.environment.emplace_back("CNN_FAULT_COUNT", count_file);
  fs::remove_all(folder.at("out"));
  const ProgramResult result =
      run_program(program_path("cnn-export"),
                  {"--model", folder.model(), "--c", folder.at("out"), "--threads", "1"}, options);
  INFO(fault << ": " << result.description());
  CHECK(result.signal == 0);
  if (result.exit_code == 1) CHECK_FALSE(result.err.empty());
  if (!fs::exists(folder.at("out"))) return {result.exit_code, 0};
  return {result.exit_code,
          std::distance(fs::directory_iterator(folder.at("out")), fs::directory_iterator())};
}

TEST_CASE("an export that is interrupted or finds the disk full leaves nothing", "[export][cli]") {
  const ExportFolder folder;
  const std::string count_file = folder.at("count");
  REQUIRE(export_with_fault(folder, "", count_file) == std::pair<int, std::size_t>{0, 3});
  const int count = std::stoi(read_file(count_file));
  REQUIRE(count > 10);
  int interrupted = 0, failed = 0;
  for (int number = 0; number < count; ++number) {
    const auto stopped = export_with_fault(folder, "interrupt:" + std::to_string(number));
    interrupted += stopped.first == 130;
    CHECK((stopped == std::pair<int, std::size_t>{130, 0} || stopped == std::pair<int, std::size_t>{0, 3}));
    const auto full = export_with_fault(folder, "enospc:" + std::to_string(number));
    failed += full.first == 1;
    CHECK((full == std::pair<int, std::size_t>{1, 0} || full == std::pair<int, std::size_t>{0, 3}));
  }
  CHECK(interrupted > 5);
  CHECK(failed > 5);
}
#endif

TEST_CASE("names and texts are made fit for C", "[export]") {
  CHECK(c_name("digits") == "digits");
  CHECK(c_name("digits-lenet5 (2)") == "digits_lenet5_2");
  CHECK(c_name("5 layers") == "net_5_layers");
  CHECK(c_name("--") == "net");
  CHECK(c_name("class") == "class_net");
  CHECK(c_name(std::string(100, 'x')).size() <= 40);
  for (const char* name : {"", "7up", "int", "template", "a b", "_x", "a__b", "\xc3\xa4"})
    CHECK_FALSE(is_c_name(name));
  CHECK(c_string("a\"b\\c?\?/\n") == R"("a\"b\\c\?\?/\012")");
  CHECK(comment_text("a */ b /* c ?\?/") == "a __ b __ c ___");
  // What turns the direction of writing makes compilers warn.
  CHECK(c_string("a\xe2\x80\xae\xc3\xa4") == "\"a\\342\\200\\256\xc3\xa4\"");
  CHECK(comment_text("a\xe2\x80\xae\xc3\xa4") == "a_\xc3\xa4");
  CHECK(c_float(1) == "1.0f");
  CHECK(c_float(-0.25f) == "-0.25f");
  CHECK(c_float(1e-8f) == "1e-08f");
  CHECK(with_features("a\n  //@ use x|y\nb\n//@ use !x\nc\n//@ always\nd\n", {"y"}) == "a\nb\nc\nd\n");
  CHECK(with_features("a\n//@ use x|y\nb\n//@ use !x\nc\n//@ always\nd\n", {"x"}) == "a\nb\nd\n");
}

}  // namespace
}  // namespace cnn
