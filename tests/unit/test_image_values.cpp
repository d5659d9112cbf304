// What images hold besides eight bits of color: 16 bits a value, and transparent parts.
#include <zlib.h>

#include <nlohmann/json.hpp>

#include "catch.h"
#include "core/file.h"
#include "data/decode.h"
#include "data/finish_image.h"
#include "data/image_fitter.h"
#include "data/image_folder.h"
#include "picture_folder.h"
#include "run_program.h"
#include "safetensors_reader.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

std::string big(std::uint32_t value, int bytes) {
  std::string text;
  while (bytes-- > 0) text += static_cast<char>(value >> 8 * bytes);
  return text;
}

/// color: PNG's type of color (0 grey, 2 RGB, 4 grey and alpha, 6 RGB and alpha). samples: of all pixels.
std::string png_file(int color, int bits, int width, int height, const std::vector<int>& samples) {
  std::string rows;
  const std::size_t in_row = samples.size() / static_cast<std::size_t>(height);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (i % in_row == 0) rows += '\0';
    rows += big(static_cast<std::uint32_t>(samples[i]), bits / 8);
  }
  std::string packed(::compressBound(rows.size()), 0);
  uLongf size = packed.size();
  REQUIRE(::compress(reinterpret_cast<Bytef*>(packed.data()), &size,
                     reinterpret_cast<const Bytef*>(rows.data()), rows.size()) == Z_OK);
  packed.resize(size);
  const auto chunk = [](const std::string& content) {
    const auto sum =
        ::crc32(0, reinterpret_cast<const Bytef*>(content.data()), static_cast<uInt>(content.size()));
    return big(static_cast<std::uint32_t>(content.size() - 4), 4) + content +
           big(static_cast<std::uint32_t>(sum), 4);
  };
  return "\x89PNG\r\n\x1A\n" +
         chunk("IHDR" + big(static_cast<std::uint32_t>(width), 4) +
               big(static_cast<std::uint32_t>(height), 4) + big(static_cast<std::uint32_t>(bits), 1) +
               big(static_cast<std::uint32_t>(color), 1) + std::string(3, '\0')) +
         chunk("IDAT" + packed) + chunk("IEND");
}

std::string deep_pgm(int white, const std::vector<int>& values) {
  std::string file = "P5 " + std::to_string(values.size()) + " 1 " + std::to_string(white) + "\n";
  for (const int value : values) file += big(static_cast<std::uint32_t>(value), 2);
  return file;
}

Image decoded(const std::string& content, const ImageSpec* target = nullptr) {
  Decoded result = decode_image(content, "x", {}, target);
  REQUIRE(result.fault == "");
  return std::move(result.image);
}

std::vector<float> fitted(const std::string& content, const ImageSpec& spec) {
  std::vector<float> values(static_cast<std::size_t>(spec.channels * spec.height * spec.width));
  REQUIRE(ImageFitter(spec).fit(decoded(content, &spec), values.data()) == "");
  return values;
}

std::vector<std::uint8_t> bytes_of(const std::string& content, const ImageSpec& spec) {
  std::vector<std::uint8_t> values(static_cast<std::size_t>(spec.channels * spec.height * spec.width));
  REQUIRE(ImageFitter(spec).fit(decoded(content, &spec), values.data()) == "");
  return values;
}

PixelRange range(int low, int high) { return {PixelRange::Mode::given, low, high}; }

// --- 16 bits -----------------------------------------------------------------------------------------------

TEST_CASE("at depth 16 every value of a 16-bit file arrives exactly", "[data]") {
  const std::vector<int> stored{0, 1, 2, 255, 256, 257, 4095, 40000, 65534, 65535};
  const ImageSpec spec{.channels = 1, .height = 1, .width = 10, .depth = 16};
  const std::vector<float> png = fitted(png_file(0, 16, 10, 1, stored), spec);
  const std::vector<float> pnm = fitted(deep_pgm(65535, stored), spec);
  for (std::size_t i = 0; i < stored.size(); ++i) {
    CHECK(png[i] == static_cast<float>(stored[i] / 65535.0));
    CHECK(pnm[i] == png[i]);
  }
  // Of a PNM file, the header says which value is white.
  CHECK(fitted(deep_pgm(4095, {1000, 4095}), {.channels = 1, .height = 1, .width = 2, .depth = 16}) ==
        std::vector<float>{static_cast<float>(1000 / 4095.0), 1.0f});
}

TEST_CASE("a range says which values are 0 and 1, and the rest is cut off", "[data]") {
  ImageSpec spec{.channels = 1, .height = 1, .width = 5, .depth = 16, .range = range(100, 4195)};
  CHECK(fitted(png_file(0, 16, 5, 1, {0, 100, 101, 4195, 65535}), spec) ==
        std::vector<float>{0, 0, static_cast<float>(1 / 4095.0), 1, 1});
  // A file of bytes has no such values.
  CHECK(fitted(png_file(0, 8, 5, 1, {0, 1, 128, 254, 255}), spec) ==
        std::vector<float>{0, static_cast<float>(1 / 255.0), static_cast<float>(128 / 255.0),
                           static_cast<float>(254 / 255.0), 1});
}

TEST_CASE("a PNG with fewer rows than it says is bad, one with more is not", "[data]") {
  const auto with_height = [](int height) {
    std::string file = png_file(0, 8, 4, 2, {1, 2, 3, 4, 5, 6, 7, 8});
    file.replace(20, 4, big(static_cast<std::uint32_t>(height), 4));
    const auto sum = ::crc32(0, reinterpret_cast<const Bytef*>(file.data() + 12), 17);
    return file.replace(29, 4, big(static_cast<std::uint32_t>(sum), 4));
  };
  CHECK(decode_image(with_height(3), "x.png").fault ==
        "is truncated: its compressed data ends before the image does");
  CHECK(decoded(with_height(2)).pixels == std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(decoded(with_height(1)).pixels == std::vector<std::uint8_t>{1, 2, 3, 4});
  CHECK_THAT(decode_image(with_height(60'000), "x.png").fault, ContainsSubstring("is truncated"));
}

TEST_CASE("without depth 16 the upper eight bits are used, as ever", "[data]") {
  const Image image = decoded(png_file(2, 16, 1, 1, {0x1234, 0xABCD, 0xFFFF}));
  CHECK(image.pixels == std::vector<std::uint8_t>{0x12, 0xAB, 0xFF});
  CHECK(image.deep.empty());
  CHECK(image.traits.deep);
  CHECK(image.traits.least == 0x1234);
  CHECK(image.traits.most == 0xFFFF);
  CHECK_FALSE(decoded(png_file(0, 8, 1, 1, {7})).traits.deep);
}

TEST_CASE("resizing at depth 16 keeps more than eight bits, and agrees with bytes", "[data]") {
  std::vector<int> values(64 * 48), bytes;
  std::uint32_t state = 1;
  for (int& value : values) {
    state = state * 1664525u + 1013904223u;
    bytes.push_back(static_cast<int>(state >> 24));
    value = bytes.back() * 257;
  }
  for (const Resize resize : {Resize::stretch, Resize::fit, Resize::crop}) {
    ImageSpec spec{.channels = 1, .height = 13, .width = 17, .resize = resize};
    const std::vector<std::uint8_t> small = bytes_of(png_file(0, 8, 64, 48, bytes), spec);
    spec.depth = 16;
    const std::vector<float> deep = fitted(png_file(0, 16, 64, 48, values), spec);
    CHECK(fitted(png_file(0, 8, 64, 48, bytes), spec) == deep);
    for (std::size_t i = 0; i < small.size(); ++i)
      REQUIRE_THAT(255 * deep[i], Catch::Matchers::WithinAbs(small[i], 1.01));
  }
  // Between 1000 and 1001 of 65535 there is still something; colors become grey without loss, too.
  const ImageSpec one{.channels = 1, .height = 1, .width = 1, .depth = 16};
  CHECK_THAT(fitted(png_file(0, 16, 2, 1, {1000, 1001}), one)[0] * 65535,
             Catch::Matchers::WithinAbs(1000.5, 0.01));
  CHECK_THAT(fitted(png_file(2, 16, 1, 1, {1000, 1003, 1007}), one)[0] * 65535,
             Catch::Matchers::WithinAbs(0.299 * 1000 + 0.587 * 1003 + 0.114 * 1007, 0.01));
}

/// X-rays of 12 bits in 16-bit PNGs: two classes that differ by less than what eight bits keep.
struct XRays : PictureFolder {
  XRays() {
    for (int c = 0; c < 2; ++c)
      for (int i = 0; i < 20; ++i) {
        std::vector<int> values(64);
        for (std::size_t k = 0; k < values.size(); ++k)
          values[k] =
              1030 + 150 * c + (static_cast<int>(k) * 7 + i * 3) % 50 + (k == 0 && i == 0 ? 2000 * c : 0);
        write("rays/" + std::string(c ? "ill" : "well") + "/" + std::to_string(i) + ".png",
              png_file(0, 16, 8, 8, values));
      }
  }
  ProgramResult train(const std::string& image_keys) const {
    write("c.json", R"({"data": {"format": "folder", "train": "rays", "test": "rays",
      "image": {"channels": 1, "height": 8, "width": 8)" +
                        image_keys + R"(}},
      "network": [{"type": "flatten"}, {"type": "dense", "units": 2}],
      "training": {"epochs": 30, "batch_size": 8, "optimizer": {"type": "sgd", "learning_rate": 0.05}}})");
    fs::remove_all(run());
    return run_program(program_path("cnn-train"), {"--config", file("c.json"), "--run-dir", run()});
  }
  std::string file(const std::string& name) const { return (path() / name).string(); }
  std::string run() const { return file("run"); }
  std::string model() const { return run() + "/best.safetensors"; }
  Json result() const { return Json::parse(read_file(run() + "/result.json")); }
  ProgramResult run_on_model(const char* program, std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"--model", model()});
    return run_program(program_path(program), arguments);
  }
};

TEST_CASE("12-bit X-rays are told apart at depth 16, in training, evaluation and export", "[cli]") {
  const XRays rays;
  const ProgramResult plain = rays.train("");
  INFO(plain.description());
  REQUIRE(plain.exit_code == 0);
  CHECK_THAT(
      plain.err,
      ContainsSubstring("training images: 40 of 40 images with 16 bits, values 1,030 to 3,180: only the "
                        "upper 8 bits are used; set \"depth\": 16 and \"range\": \"auto\" in data.image"));

  const ProgramResult deep = rays.train(R"(, "depth": 16, "range": "auto")");
  INFO(deep.description());
  REQUIRE(deep.exit_code == 0);
  CHECK_THAT(deep.err, ContainsSubstring("values 1,030 to 3,180; 1,030 to 3,180 become 0 to 1\n"));
  CHECK_THAT(plain.err, ContainsSubstring("have a copy in another class"));
  CHECK_THAT(deep.err, !ContainsSubstring("have a copy in another class"));
  CHECK(rays.result()["test"]["accuracy"] == 1.0);
  const Json config = Json::parse(read_file(rays.run() + "/config.json"));
  CHECK(config["data"]["image"]["range"] == Json({1030, 3180}));

  const ProgramResult scored = rays.run_on_model("cnn-eval", {"--images", rays.file("rays"), "--json", "-"});
  INFO(scored.description());
  CHECK(Json::parse(scored.out)["accuracy"] == 1.0);

  const ProgramResult onnx = rays.run_on_model(
      "cnn-export",
      {"--onnx", rays.file("x.onnx"), "--images", rays.file("rays"), "--json", rays.file("x.json")});
  INFO(onnx.description());
  CHECK(onnx.exit_code == 0);
  const Json about = Json::parse(read_file(rays.path() / "x.json"));
  CHECK(about["image"]["depth"] == 16);
  CHECK(about["image"]["range"] == Json({1030, 3180}));
  CHECK(about["comparison"]["export_accuracy"] == 1.0);
  CHECK_THAT(read_file(rays.path() / "x.onnx"), ContainsSubstring(R"("depth":16,"range":[1030,3180])"));
  for (const std::vector<std::string>& refused :
       {std::vector<std::string>{"--onnx", rays.file("y.onnx"), "--uint8"},
        {"--c", rays.file("c")},
        {"--c", rays.file("c"), "--int8", "--calibrate", rays.file("rays")}}) {
    const ProgramResult result = rays.run_on_model("cnn-export", refused);
    CHECK(result.exit_code == 2);
    CHECK_THAT(result.err, ContainsSubstring("takes pixels as bytes, but"));
  }
  const ProgramResult page = rays.run_on_model("cnn-inspect", {"--page", rays.file("p.html")});
  CHECK(page.exit_code == 2);
  CHECK_THAT(page.err, ContainsSubstring("a browser reads pictures as bytes"));
  CHECK(rays.run_on_model("cnn-inspect", {"--features", rays.file("rays/ill/3.png"), "--out", rays.file("f")})
            .exit_code == 0);
}

TEST_CASE("a run at depth 16 is resumed with the range that it began with", "[cli]") {
  const XRays rays;
  REQUIRE(rays.train(R"(, "depth": 16, "range": "auto")").exit_code == 0);
  const ProgramResult again =
      run_program(program_path("cnn-train"), {"--resume", rays.run(), "--set", "training.epochs=31"});
  INFO(again.description());
  CHECK(again.exit_code == 0);
}

TEST_CASE("--init tells depth and range of 16-bit images", "[cli]") {
  const XRays rays;
  const ProgramResult result = run_program(program_path("cnn-train"), {"--init", rays.file("rays")});
  INFO(result.description());
  CHECK_THAT(result.err, ContainsSubstring("note: 40 of 40 images with 16 bits, values 1,030 to 3,180: only "
                                           "the upper 8 bits are used; set \"depth\": 16"));
}

// --- Transparent parts -------------------------------------------------------------------------------------

TEST_CASE("a background lies under transparent parts, and is mixed where they are half so", "[data]") {
  const std::string file = png_file(6, 8, 3, 1, {200, 100, 50, 255, 200, 100, 50, 0, 200, 100, 50, 51});
  CHECK(decoded(file).pixels == std::vector<std::uint8_t>{200, 200, 200, 100, 100, 100, 50, 50, 50});
  CHECK(decoded(file).traits.transparent);
  const ImageSpec spec{
      .channels = 3, .height = 1, .width = 3, .background = std::array<std::uint8_t, 3>{10, 20, 255}};
  CHECK(decoded(file, &spec).pixels == std::vector<std::uint8_t>{200, 10, 48, 100, 20, 36, 50, 255, 214});
  CHECK_FALSE(decoded(png_file(6, 8, 1, 1, {1, 2, 3, 255})).traits.transparent);
  CHECK_FALSE(decoded(png_file(2, 8, 1, 1, {1, 2, 3})).traits.transparent);
}

TEST_CASE("without a background, colors that were multiplied by alpha are divided by it", "[data]") {
  Image image{.channels = 1, .height = 1, .width = 4, .pixels = {100, 51, 9, 60}};
  image.alpha = {255, 102, 0, 30}, image.premultiplied = true;
  Image over_white = image;
  finish_image(image, nullptr);
  CHECK(image.pixels == std::vector<std::uint8_t>{100, 127, 9, 255});
  const ImageSpec white{
      .channels = 1, .height = 1, .width = 4, .background = std::array<std::uint8_t, 3>{255, 255, 255}};
  finish_image(over_white, &white);
  CHECK(over_white.pixels == std::vector<std::uint8_t>{100, 204, 255, 255});
}

TEST_CASE("a colored background makes a grey image with alpha a colored one", "[data]") {
  const std::string file = png_file(4, 8, 2, 1, {90, 255, 90, 0});
  ImageSpec spec{
      .channels = 3, .height = 1, .width = 2, .background = std::array<std::uint8_t, 3>{255, 0, 9}};
  CHECK(decoded(file, &spec).pixels == std::vector<std::uint8_t>{90, 255, 90, 0, 90, 9});
  spec.background = std::array<std::uint8_t, 3>{7, 7, 7};
  CHECK(decoded(file, &spec).pixels == std::vector<std::uint8_t>{90, 7});
}

TEST_CASE("at depth 16 the background is one of the range", "[data]") {
  const ImageSpec white{.channels = 1,
                        .height = 1,
                        .width = 3,
                        .depth = 16,
                        .range = range(0, 4095),
                        .background = std::array<std::uint8_t, 3>{255, 255, 255}};
  CHECK(fitted(png_file(4, 16, 3, 1, {4095, 65535, 0, 65535, 5, 0}), white) == std::vector<float>{1, 0, 1});
}

TEST_CASE("GIFs and TGAs have transparent parts, too", "[data]") {
  // Two pixels, the second of the transparent color 1: codes clear, 0, 1, end of 3, 3, 3 and 3 bits.
  const std::string gif = std::string("GIF89a\2\0\1\0\x80\0\0", 13) + "\x11\x22\x33\x44\x55\x66" +
                          std::string("!\xF9\4\1\0\0\1\0", 8) + std::string(",\0\0\0\0\2\0\1\0\0", 10) +
                          std::string("\2\2\x44\x0A\0;", 6);
  CHECK(decoded(gif).traits.transparent);
  const ImageSpec spec{
      .channels = 3, .height = 1, .width = 2, .background = std::array<std::uint8_t, 3>{9, 8, 7}};
  CHECK(decoded(gif, &spec).pixels == std::vector<std::uint8_t>{0x11, 9, 0x22, 8, 0x33, 7});
  const std::string tga = std::string("\0\0\2\0\0\0\0\0\0\0\0\0\2\0\1\0\x20\x28", 18) +
                          std::string("\x33\x22\x11\xFF\x66\x55\x44\0", 8);
  const Decoded result = decode_image(tga, "x.tga", {}, &spec);
  CHECK(result.image.pixels == std::vector<std::uint8_t>{0x11, 9, 0x22, 8, 0x33, 7});
}

/// Cut-outs whose hidden color differs between training and test images.
struct CutOuts : PictureFolder {
  CutOuts() {
    for (const char* set : {"train", "test"})
      for (int c = 0; c < 2; ++c)
        for (int i = 0; i < 10; ++i) {
          std::vector<int> samples;
          for (int k = 0; k < 64; ++k) {
            const bool shown = k % 8 < 4 ? c == 0 : c == 1;
            const int hidden = (set[1] == 'r') == (c == 0) ? 0 : 255;
            const int value = shown ? 120 + (k + i) % 9 : hidden;
            samples.insert(samples.end(), {value, value, value, shown ? 255 : 0});
          }
          write(std::string(set) + (c ? "/right/" : "/left/") + std::to_string(i) + ".png",
                png_file(6, 8, 8, 8, samples));
        }
  }
  ProgramResult train(const std::string& image_keys) const {
    write("c.json", R"({"data": {"format": "folder", "train": "train", "test": "test",
      "image": {"channels": 3, "height": 8, "width": 8)" +
                        image_keys + R"(}},
      "network": [{"type": "flatten"}, {"type": "dense", "units": 2}],
      "training": {"epochs": 20, "batch_size": 4, "optimizer": {"type": "sgd", "learning_rate": 0.02}}})");
    fs::remove_all(path() / "run");
    return run_program(program_path("cnn-train"),
                       {"--config", (path() / "c.json").string(), "--run-dir", (path() / "run").string()});
  }
  double accuracy() const {
    return Json::parse(read_file(path() / "run" / "result.json"))["test"]["accuracy"];
  }
};

TEST_CASE("the hidden color of cut-outs is told, and a background ends its influence", "[cli]") {
  const CutOuts cut_outs;
  const ProgramResult plain = cut_outs.train("");
  INFO(plain.description());
  REQUIRE(plain.exit_code == 0);
  CHECK_THAT(plain.err, ContainsSubstring("training images: 20 images have transparent parts; their hidden "
                                          "color is used: set \"background\" in data.image"));
  CHECK(cut_outs.accuracy() < 0.5);
  const std::string model = (cut_outs.path() / "run" / "best.safetensors").string();
  const std::string test = (cut_outs.path() / "test").string();
  CHECK_THAT(run_program(program_path("cnn-eval"), {"--model", model, "--images", test}).err,
             ContainsSubstring("20 images have transparent parts; their hidden color is used"));
  CHECK_THAT(run_program(program_path("cnn-train"), {"--init", cut_outs.path().string()}).err,
             ContainsSubstring("note: 20 images have transparent parts"));

  const ProgramResult white = cut_outs.train(R"(, "background": "white")");
  INFO(white.description());
  REQUIRE(white.exit_code == 0);
  CHECK(cut_outs.accuracy() == 1.0);
  const ProgramResult scored =
      run_program(program_path("cnn-eval"), {"--model", model, "--images", test, "--json", "-"});
  CHECK(Json::parse(scored.out)["accuracy"] == 1.0);
  CHECK_THAT(scored.err, !ContainsSubstring("hidden"));
  const std::string onnx = (cut_outs.path() / "x.onnx").string();
  REQUIRE(run_program(program_path("cnn-export"), {"--model", model, "--onnx", onnx}).exit_code == 0);
  CHECK_THAT(read_file(onnx), ContainsSubstring(R"("background":[255,255,255])"));
  const std::string page = (cut_outs.path() / "x.html").string();
  REQUIRE(run_program(program_path("cnn-inspect"), {"--model", model, "--page", page}).exit_code == 0);
  CHECK_THAT(read_file(page), ContainsSubstring(R"("background":[255,255,255])"));
}

}  // namespace
}  // namespace cnn
