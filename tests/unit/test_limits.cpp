#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>
#include <tuple>

#include "catch.h"
#include "core/error.h"
#include "core/file.h"
#include "data/decode.h"
#include "data/image_reader.h"
#include "data/open_dataset.h"
#include "run_program.h"
#include "temporary_folder.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

const fs::path kImages = fs::path(CNN_SOURCE_DIR) / "tests" / "images";

std::string image_file(const std::string& name) { return read_file(kImages / name); }

std::string number(std::uint32_t value, int bytes) {
  std::string text;
  while (bytes-- > 0) text += static_cast<char>(value >> 8 * bytes);
  return text;
}

/// A progressive JPEG of the given size whose scans say nothing: a few bytes each cost a pass over the image.
std::string slow_jpeg(int side, int scans) {
  std::string jpeg = "\xFF\xD8";
  jpeg += "\xFF\xDB" + number(67, 2) + '\0' + std::string(64, '\1');
  jpeg += "\xFF\xC2" + number(11, 2) + '\x08' + number(static_cast<std::uint32_t>(side), 2) +
          number(static_cast<std::uint32_t>(side), 2) + "\x01\x01\x11" + '\0';
  // One code for DC (no difference) and one for AC: a run of 2^14 blocks without anything.
  jpeg += "\xFF\xC4" + number(20, 2) + '\0' + '\1' + std::string(15, '\0') + '\0';
  jpeg += "\xFF\xC4" + number(20, 2) + '\x10' + '\1' + std::string(15, '\0') + '\xE0';
  jpeg += std::string("\xFF\xDA") + number(8, 2) + "\x01\x01" + '\0' + '\0' + '\0' + '\0';
  const auto blocks = static_cast<std::size_t>(side / 8) * static_cast<std::size_t>(side / 8);
  jpeg += std::string(blocks / 8, '\0');
  for (int scan = 0; scan < scans; ++scan)
    jpeg += std::string("\xFF\xDA") + number(8, 2) + "\x01\x01" + '\0' + "\x01\x3F" + '\0' +
            std::string((blocks / 16384 * 15 + 7) / 8, '\0');
  return jpeg + "\xFF\xD9";
}

TEST_CASE("pixels beyond the limit are refused in every format, and the limit is named", "[data]") {
  DecodeLimits limits;
  for (const auto& [name, width, height] :
       std::vector<std::tuple<std::string, int, int>>{{"color.png", 5, 4},
                                                      {"color.jpg", 24, 16},
                                                      {"progressive.jpg", 24, 16},
                                                      {"transparent.gif", 5, 4},
                                                      {"color.bmp", 5, 4},
                                                      {"color.tga", 5, 4},
                                                      {"color.ppm", 5, 4},
                                                      {"plain.pbm", 3, 2}}) {
    CAPTURE(name);
    limits.pixels = width * height - 1;
    CHECK_THAT(decode_image(image_file(name), name, limits).fault,
               ContainsSubstring(fmt::format("{}x{} are {} pixels, the limit (data.limits.pixels) is {}",
                                             width, height, width * height, limits.pixels)));
    CHECK(decode_image(image_file(name), name).fault == "");
  }
  limits.pixels = 20;
  CHECK(decode_image(image_file("color.png"), "color.png", limits).fault == "");
}

TEST_CASE("an image that takes too long is stopped, not waited for", "[data]") {
  const std::string jpeg = slow_jpeg(2048, 250);
  DecodeLimits limits;
  REQUIRE(decode_image(jpeg, "slow.jpg", limits).fault == "");
  limits.seconds = 0.001;
  const auto start = std::chrono::steady_clock::now();
  CHECK(decode_image(jpeg, "slow.jpg", limits).fault ==
        "takes too long to decode: more than 0.001 s (data.limits.seconds)");
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
  limits.seconds = 1e-9;
  CHECK_THAT(decode_image(image_file("color.png"), "color.png", limits).fault,
             ContainsSubstring("takes too long"));
}

TEST_CASE("files beyond the limit are not read, and large ones only one at a time", "[data]") {
  const TemporaryFolder folder;
  const std::string large = (folder.path() / "large.png").string();
  std::ofstream(large) << "x";
  fs::resize_file(large, std::uintmax_t{3} << 30);  // takes no room on the disk
  std::string buffer;
  const ImageFile refused = read_image_file(large, {}, buffer);
  CHECK(refused.fault == "is too large: 3.0 GiB, the limit (data.limits.file_mb) is 512.0 MiB");
  CHECK(buffer.capacity() < 1000);

  fs::resize_file(large, 33 << 20);
  DecodeLimits limits;
  limits.file_mb = 32;
  CHECK_THAT(read_image_file(large, limits, buffer).fault, ContainsSubstring("the limit"));
  std::atomic<int> in_memory{0}, most{0};
  const auto read = [&] {
    std::string own;
    const ImageFile file = read_image_file(large, {}, own);
    REQUIRE(file.content.size() == std::size_t{33} << 20);
    most = std::max(most.load(), ++in_memory);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    --in_memory;
  };
  std::thread other([&] { read(), read(); });
  read(), read();
  other.join();
  CHECK(most == 1);
}

TEST_CASE("limits of a config hold for training, and those in its model for evaluation", "[cli]") {
  const TemporaryFolder folder;
  for (const char* name : {"train/a", "train/b", "new"}) fs::create_directories(folder.path() / name);
  fs::copy(kImages / "color.png", folder.path() / "train/a/1.png");
  fs::copy(kImages / "grey.png", folder.path() / "train/b/1.png");
  fs::copy(kImages / "color.jpg", folder.path() / "new/large.jpg");
  fs::copy(kImages / "color.png", folder.path() / "new/good.png");
  std::ofstream(folder.path() / "config.json") << R"({
    "data": {"format": "folder", "train": "train", "image": {"channels": 1, "height": 4, "width": 5},
             "limits": {"pixels": 20}},
    "network": [{"type": "flatten"}, {"type": "dense", "units": 2}],
    "training": {"epochs": 1, "batch_size": 2, "optimizer": {"type": "sgd", "learning_rate": 0.01}}})";
  const fs::path run = folder.path() / "run";
  const auto train = [&](const std::string& pixels) {
    return run_program(program_path("cnn-train"),
                       {"--config", (folder.path() / "config.json").string(), "--run-dir", run.string(),
                        "--set", "data.limits.pixels=" + pixels});
  };
  const ProgramResult refused = train("19");
  INFO(refused.description());
  CHECK(refused.exit_code == 1);
  CHECK_THAT(refused.err,
             ContainsSubstring("2 images cannot be used") && ContainsSubstring("(data.limits.pixels) is 19"));
  REQUIRE(train("20").exit_code == 0);
  const ProgramResult scored = run_program(
      program_path("cnn-eval"),
      {"--model", (run / "best.safetensors").string(), "--images", (folder.path() / "new").string()});
  INFO(scored.description());
  CHECK(scored.exit_code == 1);
  CHECK_THAT(scored.err, ContainsSubstring("large.jpg: is too large"));
  CHECK_THAT(scored.out, ContainsSubstring("good.png:"));
}

TEST_CASE("a network of thousands of layers is planned in seconds", "[cli]") {
  const TemporaryFolder folder;
  std::string layers;
  for (int i = 0; i < 4000; ++i) layers += R"({"type": "conv", "out_channels": 1, "kernel_size": 1}, )";
  std::ofstream(folder.path() / "config.json")
      << fmt::format(R"({{
    "data": {{"format": "folder", "train": {}, "image": {{"channels": 1, "height": 4, "width": 4}}}},
    "network": [{}{{"type": "flatten"}}, {{"type": "dense", "units": 10}}],
    "training": {{"epochs": 1, "batch_size": 16, "optimizer": {{"type": "sgd", "learning_rate": 0.01}}}}}})",
                     nlohmann::json((fs::path(CNN_SOURCE_DIR) / "data/digits/test").string()).dump(), layers);
  ProgramOptions options;
  options.timeout = std::chrono::seconds(280);  // it took longer, and grew with the third power
  const ProgramResult result = run_program(
      program_path("cnn-train"),
      {"--config", (folder.path() / "config.json").string(), "--dry-run", "--threads", "2"}, options);
  INFO(result.description().substr(0, 2000));
  CHECK(result.exit_code == 0);
}

}  // namespace
}  // namespace cnn
