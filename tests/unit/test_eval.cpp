// cnn-eval on everything it takes: the whole program, on real files.
#include <algorithm>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "catch.h"
#include "core/file.h"
#include "picture_folder.h"
#include "report/classification.h"
#include "run_program.h"
#include "train/safetensors.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

const fs::path kDigits = fs::path(CNN_SOURCE_DIR) / "data/digits";

std::string training_config(const std::string& data, const std::string& image, int classes) {
  return R"({"name": "small", "data": {)" + data + R"(, "image": )" + image + R"(},
    "network": [{"type": "conv", "out_channels": 8, "kernel_size": 5, "stride": 2, "activation": "relu"},
                {"type": "max_pool", "kernel_size": 2}, {"type": "flatten"},
                {"type": "dense", "units": )" +
         std::to_string(classes) + R"(}],
    "training": {"epochs": 3, "batch_size": 32, "optimizer": {"type": "adam", "learning_rate": 0.003}}})";
}

/// Trains a config that lies in a folder; gives its model.
fs::path train(const PictureFolder& folder, const std::string& config) {
  folder.write("config.json", config);
  const fs::path run = folder.path() / "run";
  const ProgramResult result = run_program(
      program_path("cnn-train"),
      {"--config", (folder.path() / "config.json").string(), "--run-dir", run.string(), "--quiet"});
  INFO(result.description());
  REQUIRE(result.exit_code == 0);
  return run / "best.safetensors";
}

/// A model of the digits in the repository, trained once for all tests.
const fs::path& digits_model() {
  static const PictureFolder folder;
  static const fs::path model =
      train(folder, training_config(R"("format": "folder", "train": ")" + (kDigits / "train").string() + "\"",
                                    R"({"channels": 1, "height": 28, "width": 28})", 10));
  return model;
}

ProgramResult evaluate(const fs::path& model, const std::vector<fs::path>& images,
                       std::vector<std::string> more = {}) {
  std::vector<std::string> arguments{"--model", model.string(), "--images"};
  for (const fs::path& path : images) arguments.push_back(path.string());
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run_program(program_path("cnn-eval"), arguments);
}

std::vector<std::vector<std::string>> table(const fs::path& path) {
  std::ifstream file(path);
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(file, line);) {
    rows.emplace_back();
    std::istringstream cells(line);
    for (std::string cell; std::getline(cells, cell, ',');) rows.back().push_back(cell);
  }
  return rows;
}

TEST_CASE("cnn-eval scores a labeled folder", "[cli]") {
  const TemporaryFolder out;
  const fs::path json_file = out.path() / "r.json", csv = out.path() / "p.csv";
  const ProgramResult result =
      evaluate(digits_model(), {kDigits / "test"},
               {"--top", "3", "--json", json_file.string(), "--predictions", csv.string()});
  INFO(result.description());
  REQUIRE(result.exit_code == 0);
  CHECK_THAT(result.out, ContainsSubstring("of 1000; 95 % confidence") &&
                             ContainsSubstring("top-3 accuracy") && ContainsSubstring("precision") &&
                             ContainsSubstring("confusion"));
  const Json json = Json::parse(read_file(json_file));
  CHECK(json["images"] == 1000);
  CHECK(json["bad_images"].empty());
  CHECK(json["top_k"]["1"] == json["accuracy"]);
  CHECK(json["top_k"]["3"].get<double>() >= json["accuracy"].get<double>());
  CHECK(json["top_k"].size() == 5);
  CHECK(json["accuracy_interval"][0].get<double>() < json["accuracy"].get<double>());
  CHECK(json["ece"].get<double>() < 0.2);
  CHECK(json["reliability"].size() == 15);
  REQUIRE(json["per_class"].size() == 10);
  CHECK(json["per_class"][3]["name"] == "3");
  CHECK(json["per_class"][3]["support"] == 100);

  const auto rows = table(csv);
  REQUIRE(rows.size() == 1001);
  CHECK(rows[0] == std::vector<std::string>{"path", "label", "predicted", "confidence", "p_0", "p_1", "p_2",
                                            "p_3", "p_4", "p_5", "p_6", "p_7", "p_8", "p_9"});
  int correct = 0;
  std::vector<std::vector<int>> confusion(10, std::vector<int>(10));
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const auto& row = rows[i];
    REQUIRE(row.size() == 14);
    CHECK(fs::path(row[0]).parent_path().filename() == row[1]);
    const int predicted = std::stoi(row[2]);
    correct += row[1] == row[2];
    ++confusion[std::stoul(row[1])][static_cast<std::size_t>(predicted)];
    double sum = 0, largest = 0;
    for (std::size_t k = 4; k < 14; ++k) {
      sum += std::stod(row[k]);
      largest = std::max(largest, std::stod(row[k]));
    }
    CHECK(std::abs(sum - 1) < 1e-5);
    CHECK(std::stod(row[3]) == largest);
    CHECK(row[3] == row[static_cast<std::size_t>(4 + predicted)]);
  }
  CHECK(json["accuracy"].get<double>() == correct / 1000.0);
  CHECK(json["accuracy"].get<double>() > 0.7);
  CHECK(json["confusion"] == Json(confusion));

  // The model, not the order of the folders, says what the outputs mean: a part of the classes.
  const TemporaryFolder part;
  for (const char* name : {"7", "3"})
    fs::create_directory_symlink(kDigits / "test" / name, part.path() / name);
  const ProgramResult some = evaluate(digits_model(), {part.path()}, {"--json", "-"});
  INFO(some.description());
  REQUIRE(some.exit_code == 0);
  const Json two = Json::parse(some.out);
  CHECK(two["images"] == 200);
  CHECK(two["confusion"][3] == json["confusion"][3]);
  CHECK(two["confusion"][7] == json["confusion"][7]);
  CHECK_THAT(some.err, ContainsSubstring("classes without images here: \"0\", \"1\""));
}

TEST_CASE("cnn-eval tells a config or a run's folder from a model", "[cli]") {
  const auto fault_of = [](const fs::path& model) {
    const ProgramResult result = evaluate(model, {kDigits / "test"});
    INFO(result.description());
    CHECK(result.exit_code == 1);
    return result.err;
  };
  CHECK_THAT(fault_of(fs::path(CNN_SOURCE_DIR) / "configs/digits-lenet5.json"),
             ContainsSubstring("is not a safetensors file; give a model of cnn-train"));
  CHECK_THAT(fault_of(digits_model().parent_path()),
             ContainsSubstring("is a folder; the best model in it is " + digits_model().string()));
}

TEST_CASE("--top with all classes is no number, and names all of them", "[cli]") {
  const ProgramResult scored = evaluate(digits_model(), {kDigits / "test"}, {"--top", "10"});
  INFO(scored.description());
  CHECK(scored.exit_code == 0);
  CHECK_THAT(scored.out,
             ContainsSubstring("top-10 accuracy: not shown, because every image is right among all 10"));
  CHECK_THAT(evaluate(digits_model(), {kDigits / "test"}, {"--top", "9"}).out,
             ContainsSubstring("top-9 accuracy 100.00 %") || ContainsSubstring("top-9 accuracy 99"));
  const ProgramResult named = evaluate(digits_model(), {kDigits / "test/3/0000.png"}, {"--top", "20"});
  CHECK(named.exit_code == 0);
  CHECK(std::count(named.out.begin(), named.out.end(), '%') == 10);
}

TEST_CASE("a list of paths may have been written on Windows", "[cli]") {
  const PictureFolder folder;
  folder.put("a.pgm", 8, 8, false);
  folder.put("odd\r", 8, 8, false);
  const auto seen = [&](const std::string& list, int images) {
    folder.write("list", list);
    const std::string line = "cd '" + folder.path().string() + "' && '" + program_path("cnn-eval").string() +
                             "' --model '" + digits_model().string() + "' --images - <list";
    const ProgramResult result = run_program("/bin/sh", {"-c", line});
    INFO(result.description());
    CHECK(result.exit_code == 0);
    CHECK(std::count(result.out.begin(), result.out.end(), '\n') == images);
  };
  seen("a.pgm\r\na.pgm\r\n", 2);
  seen("a.pgm\r\n\r\na.pgm", 2);
  seen("a.pgm\nodd\r\n", 2);  // not all lines: it is a name
}

TEST_CASE("cnn-eval says what it sees on images without labels", "[cli]") {
  const fs::path folder = kDigits / "test/4";
  const ProgramResult plain = evaluate(digits_model(), {folder}, {"--top", "2"});
  INFO(plain.description());
  REQUIRE(plain.exit_code == 0);
  CHECK(std::count(plain.out.begin(), plain.out.end(), '\n') == 100);
  CHECK_THAT(plain.out, ContainsSubstring("0000.png:  "));

  const TemporaryFolder out;
  const fs::path csv = out.path() / "p.csv";
  const std::vector<fs::path> files{folder / "0003.png", kDigits / "test/7/0001.png"};
  const ProgramResult single =
      evaluate(digits_model(), files, {"--top", "2", "--json", "-", "--predictions", csv.string()});
  INFO(single.description());
  REQUIRE(single.exit_code == 0);
  const Json json = Json::parse(single.out);  // nothing else is on stdout
  CHECK(json["images"] == 2);
  CHECK(json.count("accuracy") == 0);
  REQUIRE(json["predictions"].size() == 2);
  CHECK(json["predictions"][0]["path"] == files[0].string());
  const Json& guesses = json["predictions"][0]["predictions"];
  REQUIRE(guesses.size() == 2);
  CHECK(guesses[0]["confidence"].get<double>() >= guesses[1]["confidence"].get<double>());
  const auto rows = table(csv);
  REQUIRE(rows.size() == 3);
  CHECK(rows[1][1].empty());
  CHECK(rows[1][2] == guesses[0]["class"].get<std::string>());
}

TEST_CASE("cnn-eval reads the names of images from standard input, and writes predictions as JSON", "[cli]") {
  const PictureFolder folder;
  const fs::path image = kDigits / "test/4/0003.png", odd = folder.path() / "new\nline.png";
  fs::copy_file(image, odd);
  folder.write("lines", image.string() + "\n\n" + (kDigits / "test/7/0001.png").string() + "\n");
  folder.write("nuls", odd.string() + '\0' + image.string() + '\0');
  folder.write("none", "\n");
  const fs::path table = folder.path() / "p.json";
  const auto piped = [&](const char* list) {
    return run_program("/bin/sh",
                       {"-c", "exec \"$0\" --model \"$1\" --images - --predictions \"$2\" < \"$3\"",
                        program_path("cnn-eval").string(), digits_model().string(), table.string(),
                        (folder.path() / list).string()});
  };
  const ProgramResult lines = piped("lines");
  INFO(lines.description());
  REQUIRE(lines.exit_code == 0);
  CHECK(std::count(lines.out.begin(), lines.out.end(), '\n') == 2);
  Json json = Json::parse(read_file(table));
  REQUIRE(json["predictions"].size() == 2);
  CHECK(json["classes"].size() == 10);
  CHECK(json["predictions"][0]["path"] == image.string());
  CHECK(json["predictions"][0]["label"].is_null());
  CHECK(json["predictions"][0]["probabilities"].size() == 10);

  const ProgramResult nuls = piped("nuls");
  INFO(nuls.description());
  REQUIRE(nuls.exit_code == 0);
  const Json again = Json::parse(read_file(table));
  CHECK(again["predictions"][0]["path"] == odd.string());
  CHECK(again["predictions"][0]["confidence"] == json["predictions"][0]["confidence"]);
  const ProgramResult none = piped("none");
  CHECK(none.exit_code == 1);
  CHECK_THAT(none.err, ContainsSubstring("names no file"));
}

TEST_CASE("cnn-eval lists bad images, scores the others and ends with 1", "[cli]") {
  const PictureFolder folder;
  for (const char* name : {"0000.png", "0001.png", "0002.png"}) {
    fs::create_directories(folder.path() / "5");
    fs::copy_file(kDigits / "test/5" / name, folder.path() / "5" / name);
  }
  folder.write("5/broken.png", "\x89PNG\r\n\x1a\n");
  folder.write("5/text.jpg", "hello");
  folder.write("beside.png", "x");
  folder.write("notes.txt", "x");
  const ProgramResult result = evaluate(digits_model(), {folder.path()}, {"--json", "-"});
  INFO(result.description());
  CHECK(result.exit_code == 1);
  const Json json = Json::parse(result.out);
  CHECK(json["images"] == 3);
  REQUIRE(json["bad_images"].size() == 2);
  CHECK_THAT(json["bad_images"][1]["path"].get<std::string>(), ContainsSubstring("text.jpg"));
  CHECK_THAT(result.err, ContainsSubstring("2 bad images") && ContainsSubstring("text.jpg: is text") &&
                             ContainsSubstring("1 image skipped (outside the class folders") &&
                             ContainsSubstring("1 file skipped"));
  const ProgramResult missing =
      evaluate(digits_model(), {folder.path() / "nowhere.png", folder.path() / "5/0000.png"});
  CHECK(missing.exit_code == 1);
  CHECK_THAT(missing.err, ContainsSubstring("nowhere.png: cannot be opened"));
  CHECK_THAT(missing.out, ContainsSubstring("0000.png"));
}

TEST_CASE("cnn-eval lists single files that cannot be opened and goes on", "[cli]") {
  const TemporaryFolder folder;
  const fs::path self = folder.path() / "self.png", gone = folder.path() / "gone.png";
  fs::create_symlink("self.png", self);
  fs::create_symlink("nowhere", gone);
  const fs::path good = fs::path(CNN_SOURCE_DIR) / "tests/images/grey.png";
  for (const std::vector<fs::path>& images : {std::vector<fs::path>{self}, {self, gone, good}}) {
    const ProgramResult result = evaluate(digits_model(), images);
    INFO(result.description());
    CHECK(result.exit_code == 1);
    CHECK_THAT(result.err, ContainsSubstring("self.png: cannot be opened"));
    if (images.size() > 1) CHECK_THAT(result.out, ContainsSubstring("grey.png:"));
  }
}

TEST_CASE("cnn-eval refuses unknown classes with both lists, and what cannot be answered", "[cli]") {
  const PictureFolder folder;
  for (const char* name : {"3", "cat"}) folder.put_class(name, 2, 28, 28, false);
  const ProgramResult unknown = evaluate(digits_model(), {folder.path()});
  INFO(unknown.description());
  CHECK(unknown.exit_code == 1);
  CHECK_THAT(unknown.err,
             ContainsSubstring("found: \"3\", \"cat\"") && ContainsSubstring("known: \"0\", \"1\""));
  CHECK(unknown.out.empty());

  const auto refused = [&](const std::vector<fs::path>& images, std::vector<std::string> more,
                           const std::string& message) {
    const ProgramResult result = evaluate(digits_model(), images, std::move(more));
    INFO(result.description());
    CHECK(result.exit_code == 2);
    CHECK_THAT(result.err, ContainsSubstring(message));
    CHECK(result.out.empty());
  };
  const fs::path plain = kDigits / "test/3", one = plain / "0000.png";
  refused({plain}, {"--min-accuracy", "0.5"}, "needs labels");
  refused({one}, {"--min-accuracy", "0.5"}, "needs labels");
  refused({plain}, {"--report", (folder.path() / "r.html").string()}, "--report needs labels");
  refused({plain}, {"--report", (folder.path() / "no/r.html").string()}, "there is no folder");
  refused({plain}, {"--labels", "x.idx"}, "--labels goes with an IDX file");
  refused({one, one}, {"--labels", "x.idx"}, "one IDX file");
  refused({plain, one}, {}, "is a folder among other paths");
  refused({plain}, {"--json", folder.path().string()}, "is a folder");
  refused({plain}, {"--json", (folder.path() / "no/r.json").string()}, "there is no folder");
  refused({plain}, {"--predictions", (folder.path() / "no/p.csv").string()}, "there is no folder");
  refused({folder.path() / "nowhere"}, {}, "nowhere: there is no such file or folder");
  refused({}, {}, "--images needs a value: A folder with one subfolder per class");
  refused({plain}, {"--json"}, "--json needs a value: Write the results as JSON");
  refused({plain}, {"--json", "a", "--json", "b"}, "--json is given 2 times, but takes one value");
  refused({plain}, {"--top", "0"}, "--top");
  refused({plain}, {"--min-accuracy", "2"}, "--min-accuracy");
  CHECK(evaluate(folder.path() / "none.safetensors", {plain}).exit_code == 1);
}

TEST_CASE("cnn-eval ends with 3 below --min-accuracy, after its report", "[cli]") {
  const ProgramResult below = evaluate(digits_model(), {kDigits / "test"}, {"--min-accuracy", "1"});
  INFO(below.description());
  CHECK(below.exit_code == 3);
  CHECK_THAT(below.out, ContainsSubstring("accuracy"));
  CHECK_THAT(below.err, ContainsSubstring("is below --min-accuracy 1"));
  CHECK(evaluate(digits_model(), {kDigits / "test"}, {"--min-accuracy", "0.5"}).exit_code == 0);
}

TEST_CASE("outputs of cnn-eval never replace what is read, links, pipes, or each other", "[cli]") {
  const PictureFolder folder;
  const fs::path model = folder.path() / "model", image = folder.path() / "image.png";
  fs::copy(digits_model(), model);
  fs::copy(kDigits / "test/3/0000.png", image);
  const std::string before = read_file(model), pixels = read_file(image);
  const auto refused = [&](const std::vector<std::string>& more) {
    const ProgramResult result = evaluate(model, {image}, more);
    INFO(result.description());
    CHECK(result.exit_code == 2);
    CHECK_THAT(result.err, ContainsSubstring("name another file"));
  };
  refused({"--predictions", model.string()});
  refused({"--json", image.string()});
  fs::create_symlink("image.png", folder.path() / "link");
  refused({"--predictions", (folder.path() / "link").string()});
  const std::string same = (folder.path() / "same").string();
  refused({"--predictions", same, "--json", same});
  CHECK((read_file(model) == before && read_file(image) == pixels));
  const ProgramResult inside = evaluate(model, {folder.path()}, {"--json", image.string()});
  CHECK(inside.exit_code == 2);
  CHECK_THAT(inside.err, ContainsSubstring("is an image and is not overwritten"));

  // A link stays one, and its file is written.
  folder.write("real", "old");
  fs::create_symlink("real", folder.path() / "to_real");
  for (const char* option : {"--json", "--predictions"}) {
    CHECK(evaluate(model, {image}, {option, (folder.path() / "to_real").string()}).exit_code == 0);
    CHECK(fs::is_symlink(folder.path() / "to_real"));
    CHECK_THAT(read_file(folder.path() / "real"), ContainsSubstring("image.png"));
  }
  // A stream gets the bytes.
  const ProgramResult streamed =
      run_program("/bin/sh", {"-c", "'" + program_path("cnn-eval").string() + "' --model '" + model.string() +
                                        "' --images '" + image.string() +
                                        "' --predictions /dev/stderr 2>&1 >/dev/null | cat"});
  CHECK_THAT(streamed.out, StartsWith("path,label,predicted"));
}

TEST_CASE("a result that cannot be written to stdout is no success", "[cli]") {
  if (!fs::exists("/dev/full")) return;
  const auto status = [&](const std::string& command) {
    const ProgramResult result = run_program("/bin/sh", {"-c", command + " >/dev/full"});
    INFO(command << "\n" << result.description());
    CHECK_THAT(result.err, ContainsSubstring("standard output") && ContainsSubstring("No space left"));
    return result.exit_code;
  };
  const std::string eval = "'" + program_path("cnn-eval").string() + "' --model '" + digits_model().string() +
                           "' --images '" + (kDigits / "test/3/0000.png").string() + "'";
  CHECK(status(eval) == 1);
  CHECK(status(eval + " --json -") == 1);
  CHECK(status("'" + program_path("cnn-inspect").string() + "' --model '" + digits_model().string() + "'") ==
        1);
  CHECK(status("'" + program_path("cnn-train").string() + "' --quiet --init '" + (kDigits / "test").string() +
               "'") == 1);
}

TEST_CASE("an accuracy that is none is refused", "[cli]") {
  for (const char* text : {"nan", "inf", "-0.1", "99.5", "x"}) {
    const ProgramResult result = evaluate(digits_model(), {kDigits / "test"}, {"--min-accuracy", text});
    INFO(result.description());
    CHECK(result.exit_code == 2);
    CHECK_THAT(result.err, ContainsSubstring("99.5 % is 0.995"));
  }
}

TEST_CASE("outputs that are not finite are an error, not a score", "[cli]") {
  const PictureFolder folder;
  SafeTensors model = read_safetensors(digits_model());
  for (SafeTensors::Tensor& tensor : model.tensors)
    for (float& value : tensor.values) value = 1e38F;  // a number, and yet
  write_safetensors(folder.path() / "huge.safetensors", model);
  const fs::path csv = folder.path() / "p.csv";
  const ProgramResult result =
      evaluate(folder.path() / "huge.safetensors", {kDigits / "test"}, {"--predictions", csv.string()});
  INFO(result.description());
  CHECK(result.exit_code == 1);
  CHECK_THAT(result.err, ContainsSubstring("1000 of 1000 images the outputs of the network are not finite"));
  CHECK_THAT(result.out, ContainsSubstring("accuracy 0.00 % (0 of 1000"));
  CHECK_THAT(read_file(csv), !ContainsSubstring("nan"));
}

TEST_CASE("a signal ends cnn-eval with 130 and leaves no half table", "[cli]") {
  const PictureFolder folder;
  const fs::path large = folder.path() / "large.pgm", images = folder.path() / "images";
  folder.write("large.pgm", "P5\n8000 8000\n255\n");
  fs::resize_file(large, 64'000'017);  // takes no room on the disk
  folder.write("images/notes.txt", "so that something is said before the first image");
  for (int i = 0; i < 100; ++i) fs::create_symlink(large, images / (std::to_string(i) + ".pgm"));
  const fs::path csv = folder.path() / "p.csv";
  RunningProgram program(program_path("cnn-eval"),
                         {"--model", digits_model().string(), "--images", images.string(), "--predictions",
                          csv.string(), "--threads", "1"});
  REQUIRE(program.wait_for_stderr("1 file skipped"));
  program.send(SIGINT);
  const ProgramResult result = program.wait();
  INFO(result.description());
  CHECK(result.exit_code == 130);
  CHECK_THAT(result.err, ContainsSubstring("interrupted after 0 images"));
  CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 2);
}

std::string big_endian(std::uint32_t n) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(n >> shift);
  return bytes;
}

TEST_CASE("cnn-eval reads IDX with labels and without", "[cli]") {
  // Two kinds of 8x8 images: bright left, bright right.
  const PictureFolder folder;
  std::string images("\0\0\x08\x03", 4), labels("\0\0\x08\x01", 4);
  constexpr int kCount = 40;
  images += big_endian(kCount) + big_endian(8) + big_endian(8);
  labels += big_endian(kCount);
  for (int i = 0; i < kCount; ++i) {
    for (int p = 0; p < 64; ++p) images += static_cast<char>((p % 8 < 4) == (i % 2 == 0) ? 100 + i : 10);
    labels += static_cast<char>(i % 2);
  }
  folder.write("images.idx", images);
  folder.write("labels.idx", labels);
  const fs::path model = train(
      folder, training_config(R"("format": "idx", "train": {"images": "images.idx", "labels": "labels.idx"})",
                              R"({"channels": 1, "height": 8, "width": 8})", 2));
  const fs::path set = folder.path() / "images.idx";
  const ProgramResult labeled =
      evaluate(model, {set}, {"--labels", (folder.path() / "labels.idx").string(), "--json", "-"});
  INFO(labeled.description());
  REQUIRE(labeled.exit_code == 0);
  CHECK(Json::parse(labeled.out)["accuracy"] == 1.0);
  const ProgramResult plain = evaluate(model, {set});
  INFO(plain.description());
  CHECK(plain.exit_code == 0);
  CHECK_THAT(plain.out, ContainsSubstring("images.idx#39:  1 "));
  CHECK(evaluate(model, {set}, {"--min-accuracy", "0.1"}).exit_code == 2);
}

TEST_CASE("cnn-eval reads CIFAR-10 batches", "[cli]") {
  // A color per class makes an easy set.
  const PictureFolder folder;
  std::string batch;
  for (int i = 0; i < 100; ++i) {
    batch += static_cast<char>(i % 10);
    for (int c = 0; c < 3; ++c)
      batch.append(1024, static_cast<char>((i % 10) * (c == 0 ? 25 : c == 1 ? 7 : 19)));
  }
  folder.write("a.bin", batch);
  folder.write("b.bin", batch.substr(0, 3073 * 20));
  const fs::path model = train(folder, training_config(R"("format": "cifar10", "train": ["a.bin"])",
                                                       R"({"channels": 3, "height": 32, "width": 32})", 10));
  const ProgramResult result =
      evaluate(model, {folder.path() / "a.bin", folder.path() / "b.bin"}, {"--json", "-"});
  INFO(result.description());
  REQUIRE(result.exit_code == 0);
  const Json json = Json::parse(result.out);
  CHECK(json["images"] == 120);
  CHECK(json["per_class"][0]["name"] == "airplane");
  CHECK(json["per_class"][0]["support"] == 12);
  folder.write("c.bin", batch.substr(0, 3000));
  const ProgramResult broken = evaluate(model, {folder.path() / "c.bin"});
  CHECK(broken.exit_code == 1);
  CHECK_THAT(broken.err, ContainsSubstring("c.bin"));
}

TEST_CASE("the interval of an accuracy is Wilson's", "[cli]") {
  Classification results({"a", "b"});
  const std::vector<float> sure{1, 0};
  for (int i = 0; i < 100; ++i) results.add(i < 90 ? 0 : 1, 0, sure, 0);
  const auto [low, high] = results.accuracy_interval();
  CHECK(std::abs(low - 0.8256) < 1e-4);
  CHECK(std::abs(high - 0.9448) < 1e-4);
}

}  // namespace
}  // namespace cnn
