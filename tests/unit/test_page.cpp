// cnn-inspect --page: the program, and what its script computes, against the engine; under node and in a
// browser.
#include <algorithm>
#include <complex>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "browser.h"
#include "catch.h"
#include "core/file.h"
#include "core/random.h"
#include "data/image_fitter.h"
#include "export_cases.h"
#include "inspect/explain.h"
#include "inspect/image_batch.h"
#include "inspect/input_images.h"
#include "inspect/inspected.h"
#include "inspect/step_trace.h"
#include "picture_folder.h"
#include "reference/reference_network.h"
#include "report/html.h"
#include "run_program.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Complex = std::complex<double>;

/// A class that is not the most probable one: something to learn remains.
int label_of(int image, int classes) { return (image * 3 + 1) % classes; }

NetworkSpec without_dropout(NetworkSpec spec) {
  for (LayerSpec& entry : spec) {
    if (auto* dropout = std::get_if<DropoutSpec>(&entry.spec)) dropout->p = 0;
    if (auto* residual = std::get_if<ResidualSpec>(&entry.spec))
      residual->layers = without_dropout(residual->layers);
  }
  return spec;
}

std::vector<float> values_of(const InputImages& images, int number) {
  const std::span<const float> values = images.image(number);
  return {values.begin(), values.end()};
}

/// d loss / d normalized input becomes d loss / d pixel.
template <class T>
std::vector<double> pixel_gradient(const std::vector<T>& gradient, const Inspected& inspected) {
  const std::size_t map = gradient.size() / inspected.std.size();
  std::vector<double> result;
  for (std::size_t i = 0; i < gradient.size(); ++i)
    result.push_back(static_cast<double>(gradient[i]) / inspected.std[i / map]);
  return result;
}

/// By a training step of the engine on one image.
void add_engine_gradients(Json& json, const Inspected& inspected, const InputImages& images, int number) {
  ThreadPool pool(1);
  const auto trained = inspected.network(1);
  Network network(without_dropout(inspected.config.network), inspected.input, 0, 1);
  for (const Tensor& tensor : network.tensors())
    std::ranges::copy(trained->find(tensor.name)->values, tensor.values.begin());
  const ImageBatch batch(inspected.input, values_of(images, number), {json["label"].get<std::int32_t>()});
  const StepTrace trace(network, pool, batch);
  json["loss"] = trace.loss();
  for (const Tensor& tensor : network.tensors())
    if (tensor.trainable) json["gradients"][tensor.name] = trace.parameter_gradient(tensor);
  std::vector<double> input(static_cast<std::size_t>(inspected.input.values()));
  for (std::size_t n = 0; n < network.nodes().size(); ++n) {
    const Node& node = network.nodes()[n];
    const auto add = [&](std::span<const float> part) {
      for (std::size_t i = 0; i < input.size(); ++i) input[i] += part[i];
    };
    if (node.x == 0) add(trace.input_gradient(static_cast<int>(n)));
    if (node.shortcut == 0) add(trace.shortcut_gradient(static_cast<int>(n)));
  }
  json["image"] = pixel_gradient(input, inspected);
}

/// By the complex step on the plain loops, with running statistics: the engine has no such gradient.
void add_plain_gradients(Json& json, const Inspected& inspected, const InputImages& images, int number) {
  const auto network = inspected.network(1);
  reference::Parameters<Complex> parameters;
  for (const Tensor& tensor : network->tensors())
    parameters[tensor.name].assign(tensor.values.begin(), tensor.values.end());
  reference::Maps<Complex> x(inspected.input, 1);
  std::ranges::copy(images.image(number), x.values.begin());
  const std::vector<std::int32_t> labels{json["label"].get<std::int32_t>()};
  const auto loss = [&] {
    return reference::cross_entropy(
        reference::Network<Complex>(parameters).forward(inspected.config.network, x), labels, 0);
  };
  const auto gradient = [&](std::vector<Complex>& values) {
    std::vector<double> slopes;
    for (Complex& value : values) {
      value += Complex(0, reference::kStep);
      slopes.push_back(loss().imag() / reference::kStep);
      value = value.real();
    }
    return slopes;
  };
  json["loss"] = loss().real();
  for (const Tensor& tensor : network->tensors())
    if (tensor.trainable) json["gradients"][tensor.name] = gradient(parameters[tensor.name]);
  json["image"] = pixel_gradient(gradient(x.values), inspected);
}

std::vector<float> engine_logits(const Inspected& inspected, const InputImages& images, int number) {
  ThreadPool pool(1);
  const auto network = inspected.network(1);
  std::vector<float> logits(static_cast<std::size_t>(network->classes()));
  const int last = static_cast<int>(network->layers().size()) - 1;
  const Observer observer = [&](int row, int, int count, BlockView<const float> y) {
    if (row == last) from_lanes(y, count, logits);
  };
  Runner runner(*network, pool, false, 1);
  const ImageBatch batch(inspected.input, values_of(images, number), {0});
  network->pack(pool);
  runner.evaluate(batch.batch(), &observer);
  return logits;
}

/// What the page's script should compute for its examples (tests/page/checks.js); gradients of some.
Json expected_of(const Inspected& inspected, const InputImages& images, const std::set<int>& with_gradients) {
  Json list = Json::array();
  for (int n = 0; n < images.count(); ++n) {
    Json one{{"logits", engine_logits(inspected, images, n)}};
    one["label"] = label_of(n, static_cast<int>(one["logits"].size()));
    if (with_gradients.contains(n)) {
      if (needs_several_images(inspected.config.network))
        add_plain_gradients(one, inspected, images, n);
      else
        add_engine_gradients(one, inspected, images, n);
    }
    list.push_back(std::move(one));
  }
  return {{"images", std::move(list)}};
}

/// A model with its page, made by cnn-inspect, and what the page should compute.
struct PageOfModel {
  std::string name;
  fs::path page;
  Json expected;
};

PageOfModel page_of(const fs::path& model, const std::vector<fs::path>& images,
                    const std::set<int>& with_gradients) {
  PageOfModel made{.name = model.stem().string(),
                   .page = model.parent_path() / (model.stem().string() + ".html"),
                   .expected = {}};
  std::vector<std::string> arguments{"--model", model.string(), "--page", made.page.string(), "--image"};
  for (const fs::path& image : images) arguments.push_back(image.string());
  const ProgramResult result = run_program(program_path("cnn-inspect"), arguments);
  INFO(result.description());
  REQUIRE(result.exit_code == 0);
  CHECK(result.out == made.page.string() + "\n");
  const Inspected inspected = read_inspected("", model);
  made.expected = expected_of(inspected, read_images(inspected, images), with_gradients);
  return made;
}

/// The images of a case of tests/unit/export_cases.h as files.
std::vector<fs::path> image_files(const PictureFolder& folder, const ExportedCase& one) {
  const Shape& in = one.network.input();
  std::vector<fs::path> files;
  for (const auto& image : one.images) {
    const std::string name =
        one.config.name + "/" + std::to_string(files.size()) + (in.c == 1 ? ".pgm" : ".ppm");
    folder.write(name, fmt::format("P{}\n{} {}\n255\n", in.c == 1 ? 5 : 6, in.w, in.h) +
                           std::string(image.begin(), image.end()));
    files.push_back(folder.path() / name);
  }
  return files;
}

PageOfModel page_of_case(const PictureFolder& folder, const ExportCase& which) {
  const ExportedCase one(which);
  const fs::path model = folder.path() / (std::string(which.name) + ".safetensors");
  one.save(model);
  constexpr int kWhite = 0, kNoise = 4, kDigit = 13;
  return page_of(model, image_files(folder, one), {kWhite, kNoise, kDigit});
}

std::vector<fs::path> digits(int of_each_class) {
  std::vector<fs::path> files;
  for (int k = 0; k < 10; ++k)
    for (int i = 0; i < of_each_class; ++i)
      files.push_back(fs::path(CNN_SOURCE_DIR) / "data/digits/test" / std::to_string(k) /
                      fmt::format("{:04}.png", i));
  return files;
}

/// LeNet-5 after an epoch, with 100 digits, and what cnn-eval says of them.
PageOfModel page_of_lenet5(const fs::path& folder) {
  const fs::path run = folder / "run", model = folder / "lenet5.safetensors";
  const ProgramResult training =
      run_program(program_path("cnn-train"),
                  {"--config", (fs::path(CNN_SOURCE_DIR) / "configs/digits-lenet5.json").string(), "--set",
                   "training.epochs=2", "--run-dir", run.string(), "--quiet"});
  INFO(training.description());
  REQUIRE(training.exit_code == 0);
  fs::copy_file(run / "best.safetensors", model);
  const std::vector<fs::path> files = digits(10);
  PageOfModel made = page_of(model, files, {3, 34, 77});
  std::vector<std::string> arguments{"--model", model.string(), "--predictions",
                                     (folder / "predictions.csv").string(), "--images"};
  for (const fs::path& file : files) arguments.push_back(file.string());
  REQUIRE(run_program(program_path("cnn-eval"), arguments).exit_code == 0);
  std::istringstream lines(read_file(folder / "predictions.csv"));
  std::string line;
  std::getline(lines, line);
  for (Json& image : made.expected["images"]) {
    REQUIRE(std::getline(lines, line));
    std::vector<double> cells;
    std::istringstream row(line);
    for (std::string cell; std::getline(row, cell, ',');) cells.push_back(std::atof(cell.c_str()));
    image["probabilities"] = std::vector<double>(cells.end() - 10, cells.end());
  }
  return made;
}

/// Every activation function and its derivative, from the plain implementation.
Json activations_expected() {
  Json list = Json::array();
  for (const auto& [word, function] : kWords<ActivationFunction>)
    for (double z = -9; z <= 9; z += 0.37) {
      const Complex f = reference::activate(function, 0.2, Complex(z, reference::kStep));
      list.push_back({{"function", word}, {"z", z}, {"y", f.real()}, {"slope", f.imag() / reference::kStep}});
    }
  return list;
}

/// Images of odd sizes, and what they become for a network.
Json fits_expected() {
  Json list = Json::array();
  Random random(5, Purpose::split);
  for (const auto& [height, width] : {std::pair{28, 28}, {61, 40}, {9, 33}, {200, 313}, {1, 1}})
    for (const auto& [resize, short_side] :
         {std::pair{Resize::stretch, 0}, {Resize::fit, 0}, {Resize::crop, 0}, {Resize::crop, 31}})
      for (const int channels : {1, 3}) {
        Image image{.channels = 3, .height = height, .width = width, .pixels = {}};
        const auto plane = static_cast<std::size_t>(height * width);
        for (std::size_t i = 0; i < 3 * plane; ++i)
          image.pixels.push_back(static_cast<std::uint8_t>(random.below(256)));
        std::string rgba, fitted(static_cast<std::size_t>(channels * 28 * 20), '\0');
        for (std::size_t i = 0; i < plane; ++i) {
          for (std::size_t c = 0; c < 3; ++c) rgba += static_cast<char>(image.pixels[c * plane + i]);
          rgba += '\xff';
        }
        ImageFitter fitter(
            {.channels = channels, .height = 28, .width = 20, .resize = resize, .short_side = short_side});
        REQUIRE(fitter.fit(image, reinterpret_cast<std::uint8_t*>(fitted.data())).empty());
        Json target{{"channels", channels}, {"height", 28}, {"width", 20}, {"resize", word_of(resize)}};
        if (short_side > 0) target["short_side"] = short_side;
        list.push_back({{"width", width},
                        {"height", height},
                        {"rgba", base64(rgba)},
                        {"target", target},
                        {"bytes", base64(fitted)}});
      }
  return list;
}

fs::path script(const char* name) { return fs::path(CNN_SOURCE_DIR) / "tests/page" / name; }

/// Runs tests/page/checks.js on a page under node. False: there is no node here.
bool check_under_node(const PageOfModel& made, ProgramResult& result) {
  const std::string node = on_path("node");
  if (node.empty()) return false;
  const fs::path expected = made.page.parent_path() / (made.name + ".json");
  write_file_atomically(expected, made.expected.dump());
  result = run_program(node, {script("check_page.mjs").string(), made.page.string(), expected.string()});
  return true;
}

void require_node_agrees(const PageOfModel& made) {
  ProgramResult result;
  INFO(made.name);
  if (!check_under_node(made, result)) {
    WARN("skipped: there is no node on this machine");
    return;
  }
  INFO(result.description());
  CHECK(result.exit_code == 0);
  CHECK_THAT(result.out, ContainsSubstring("all is as expected"));
}

/// The page with the checks behind its own script, and a <pre id="checked"> for what they find.
std::string with_checks(const PageOfModel& made) {
  std::string page = read_file(made.page), expected = made.expected.dump();
  for (std::size_t at = 0; (at = expected.find('<', at)) != std::string::npos;)
    expected.replace(at, 1, "\\u003c");
  const std::size_t end = page.rfind("</body>");
  REQUIRE(end != std::string::npos);
  return page.insert(end, "<pre id=\"checked\"></pre>\n<script>\n" + read_file(script("checks.js")) +
                              read_file(script("check_here.js")) + "checkHere(" + expected +
                              ");\n</script>\n");
}

TEST_CASE("a page computes what the engine does, forward and backward, for every layer", "[page]") {
  const PictureFolder folder;
  for (const ExportCase& which : kExportCases) require_node_agrees(page_of_case(folder, which));
}

TEST_CASE("a page computes LeNet-5 as cnn-eval and the engine do", "[page]") {
  const TemporaryFolder folder;
  PageOfModel made = page_of_lenet5(folder.path());
  made.expected["activations"] = activations_expected();
  made.expected["fits"] = fits_expected();
  made.expected["step"] = true;
  require_node_agrees(made);
}

TEST_CASE("the checks of a page notice what is wrong", "[page]") {
  const PictureFolder folder;
  const PageOfModel good = page_of_case(folder, kExportCases[0]);
  ProgramResult result;
  if (!check_under_node(good, result)) {
    WARN("skipped: there is no node on this machine");
    return;
  }
  REQUIRE(result.exit_code == 0);
  const auto check_noticed = [&](const char* pointer, const char* message) {
    PageOfModel bad = good;
    Json& number = bad.expected[Json::json_pointer(pointer)];
    number = number.get<double>() * 1.002 + 0.0011;
    check_under_node(bad, result);
    INFO(pointer << "\n" << result.description());
    CHECK(result.exit_code == 1);
    CHECK_THAT(result.out, ContainsSubstring(message));
  };
  check_noticed("/images/7/logits/2", "logits");
  check_noticed("/images/4/loss", "loss");
  check_noticed("/images/4/gradients/conv1.weight/3", "conv1.weight");
  check_noticed("/images/13/image/20", "image");
}

TEST_CASE("a browser computes with a page what the engine does", "[page]") {
  const std::string chromium = browser();
  if (chromium.empty()) {
    WARN("skipped: there is no chromium or google-chrome on this machine");
    return;
  }
  const PictureFolder folder;
  std::vector<PageOfModel> pages{page_of_lenet5(folder.path())};
  pages.front().expected["step"] = true;
  for (const ExportCase& which : kExportCases)
    if (std::set<std::string>{"strided-groups", "pools", "norms", "activations", "residuals"}.contains(
            which.name))
      pages.push_back(page_of_case(folder, which));
  for (const PageOfModel& made : pages) {
    folder.write("checked.html", with_checks(made));
    const Opened opened = open_in(chromium, folder.path() / "checked.html");
    INFO(made.name);
    CHECK(opened.complaints.empty());
    const std::size_t begin = opened.document.find("<pre id=\"checked\">");
    REQUIRE(begin != std::string::npos);
    INFO(opened.document.substr(begin, 2000));
    CHECK(opened.document.substr(begin).starts_with("<pre id=\"checked\">all is as expected"));
  }
}

TEST_CASE("a page is one small file that asks for nothing", "[page]") {
  const PictureFolder folder;
  const fs::path model = folder.path() / "<b>.safetensors";
  ExportedCase lenet(kExportCases[0]);
  lenet.description.classes[0] = "</script><script>throw 1</script><!--";
  lenet.save(model);
  const fs::path page = folder.path() / "page.html";
  const auto inspect = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments{"--model", model.string(), "--page", page.string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(program_path("cnn-inspect"), arguments);
  };

  SECTION("without images it has generated ones") {
    REQUIRE(inspect({}).exit_code == 0);
    const std::string text = read_file(page);
    CHECK_THAT(text, ContainsSubstring("a generated image"));
    for (const std::string& address : references(text)) {
      INFO(address.substr(0, 100));
      CHECK(is_inside(address));
    }
    CHECK(text.find("</script><script>throw") == std::string::npos);
    for (const char* place : {"{{title}}", "{{style}}", "{{data}}", "{{script}}"})
      CHECK(text.find(place) == std::string::npos);
  }
  SECTION("the same bytes every time, and the old file is replaced") {
    REQUIRE(inspect({"--image", digits(1)[3].string()}).exit_code == 0);
    const std::string first = read_file(page);
    REQUIRE(inspect({"--image", digits(1)[3].string()}).exit_code == 0);
    CHECK(read_file(page) == first);
  }
  SECTION("a file that is no image is an error, and nothing is written") {
    folder.write("bad.png", "no image");
    const ProgramResult result = inspect({"--image", (folder.path() / "bad.png").string()});
    CHECK(result.exit_code == 1);
    CHECK_THAT(result.err, ContainsSubstring("bad.png"));
    CHECK_FALSE(fs::exists(page));
  }
  SECTION("neither the model nor an image is replaced by the page") {
    for (const fs::path& read : {model, digits(1)[0]}) {
      const std::string before = read_file(read);
      const ProgramResult result =
          run_program(program_path("cnn-inspect"),
                      {"--model", model.string(), "--page", read.string(), "--image", digits(1)[0].string()});
      CHECK(result.exit_code == 2);
      CHECK_THAT(result.err, ContainsSubstring("is read; name another file for the page"));
      CHECK(read_file(read) == before);
    }
  }
  SECTION("a folder that is not there is an error") {
    const ProgramResult result =
        run_program(program_path("cnn-inspect"),
                    {"--model", model.string(), "--page", (folder.path() / "none/page.html").string()});
    CHECK(result.exit_code == 1);
    CHECK_THAT(result.err, ContainsSubstring("none"));
  }
  SECTION("it needs a model") {
    const ProgramResult result =
        run_program(program_path("cnn-inspect"),
                    {"--config", (fs::path(CNN_SOURCE_DIR) / "configs/digits-lenet5.json").string(), "--page",
                     page.string()});
    CHECK(result.exit_code == 2);
    CHECK_THAT(result.err, ContainsSubstring("--page"));
  }
}

TEST_CASE("the page of LeNet-5 with ten images is at most 2 MB", "[page]") {
  const TemporaryFolder folder;
  const PageOfModel made = page_of_lenet5(folder.path());
  std::vector<std::string> arguments{"--model", (folder.path() / "lenet5.safetensors").string(), "--page",
                                     (folder.path() / "ten.html").string(), "--image"};
  for (const fs::path& image : digits(1)) arguments.push_back(image.string());
  REQUIRE(run_program(program_path("cnn-inspect"), arguments).exit_code == 0);
  CHECK(fs::file_size(folder.path() / "ten.html") <= 2'000'000);
}

}  // namespace
}  // namespace cnn
