// Exported networks against the engine: the plan, the C code as compilers see it, int8, and ONNX in a runtime
// that is not ours.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "catch.h"
#include "core/file.h"
#include "export/byte_run.h"
#include "export/c_source.h"
#include "export/calibration.h"
#include "export/float_run.h"
#include "export/memory.h"
#include "export/onnx.h"
#include "export/outputs.h"
#include "export_cases.h"
#include "run_program.h"
#include "temporary_folder.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

constexpr double kClose = 1e-5;

ExportPlan plan_of(const ExportedCase& one, ActivationFolding folding) {
  return make_export_plan(one.network,
                          {.name = one.config.name,
                           .classes = one.description.classes,
                           .image = one.config.data.image,
                           .mean = one.description.mean,
                           .std = one.description.std},
                          folding);
}

double largest_difference(std::span<const float> a, std::span<const float> b) {
  REQUIRE(a.size() == b.size());
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    REQUIRE(std::isfinite(a[i]));
    most = std::max(most, std::abs(double{a[i]} - double{b[i]}));
  }
  return most;
}

std::size_t steps_of(const ExportPlan& plan, std::size_t kind) {
  return static_cast<std::size_t>(
      std::ranges::count_if(plan.steps, [&](const ExportStep& step) { return step.action.index() == kind; }));
}
constexpr std::size_t kConv = 0, kAffine = 2, kActivation = 5;

TEST_CASE("an export's plan gives the engine's probabilities", "[export]") {
  for (const ExportCase& which : kExportCases)
    for (const auto folding : {ActivationFolding::all, ActivationFolding::rectifiers}) {
      const ExportedCase one(which);
      INFO(which.name);
      const ExportPlan plan = plan_of(one, folding);
      const FloatRun run(plan);
      PlanValues values;
      std::vector<float> probabilities;
      for (int n = 0; n < kExportImages; ++n) {
        run.run(one.images[static_cast<std::size_t>(n)], values);
        run.probabilities(values, probabilities);
        CHECK(largest_difference(probabilities, one.engine(n)) < kClose);
      }
    }
}

TEST_CASE("what can be folded is folded, and nothing else", "[export]") {
  const auto plan = [](const char* name, ActivationFolding folding) {
    const auto found = std::ranges::find_if(
        kExportCases, [&](const ExportCase& which) { return std::string(which.name) == name; });
    return plan_of(ExportedCase(*found), folding);
  };
  // No linear step is before the first norm, and before those behind a pooling, a ReLU, flatten, and again a
  // ReLU.
  CHECK(steps_of(plan("norms", ActivationFolding::all), kAffine) == 5);
  CHECK(steps_of(plan("norms", ActivationFolding::all), kActivation) == 0);
  CHECK(steps_of(plan("norms", ActivationFolding::rectifiers), kActivation) == 1);
  // The norm at the start of the inner residual reads what its sum reads, too.
  CHECK(steps_of(plan("residuals", ActivationFolding::all), kAffine) == 2);
  CHECK(steps_of(plan("residuals", ActivationFolding::all), kConv) == 5);
  CHECK(steps_of(plan("dense-residual", ActivationFolding::all), kAffine) == 0);
}

/// The C code of a case in a folder of its own, with its images as PNM files.
class CCode {
 public:
  CCode(const ExportedCase& one, const CSource& source) : one_(one) {
    const fs::path& to = folder_.path();
    write_outputs(
        {{to / "net.h", source.header}, {to / "net.c", source.source}, {to / "net_main.c", source.main}});
    const ImageSpec& image = one.config.data.image;
    for (std::size_t n = 0; n < one.images.size(); ++n) {
      const fs::path path = to / (std::to_string(n) + ".pnm");
      std::ofstream file(path, std::ios::binary);
      file << (image.channels == 1 ? "P5" : "P6") << "\n# a comment\n"
           << image.width << " " << image.height << "\n255\n";
      file.write(reinterpret_cast<const char*>(one.images[n].data()),
                 static_cast<std::streamsize>(one.images[n].size()));
      pictures_.push_back(path.string());
    }
  }

  /// Compiles without a warning, or fails the test.
  void compile(const std::string& compiler, std::vector<std::string> options) const {
    for (const char* warning : {"-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"})
      options.emplace_back(warning);
    const ProgramResult result =
        run_program(compiler, options, {.environment = {}, .working_folder = folder_.path()});
    INFO(compiler << " " << result.description());
    REQUIRE(result.exit_code == 0);
  }

  /// What the compiled program prints for each image. `arguments`: what comes before the pictures, where an
  /// emulator starts the program.
  std::vector<std::vector<float>> answers(const fs::path& program,
                                          std::vector<std::string> arguments = {}) const {
    arguments.insert(arguments.end(), pictures_.begin(), pictures_.end());
    const ProgramResult result = run_program(program, arguments);
    INFO(result.description());
    REQUIRE(result.exit_code == 0);
    std::vector<std::vector<float>> all;
    std::istringstream lines(result.out);
    for (std::string line; std::getline(lines, line);) {
      const std::string rest = line.substr(line.find(".pnm: ") + 6);
      const auto named = std::ranges::find_if(
          one_.description.classes, [&](const std::string& name) { return rest.starts_with(name + " "); });
      REQUIRE(named != one_.description.classes.end());
      std::istringstream numbers(rest.substr(named->size()));
      auto& answer = all.emplace_back();
      for (float number; numbers >> number;) answer.push_back(number);
      REQUIRE(answer.size() == one_.description.classes.size());
      CHECK(std::ranges::max_element(answer) - answer.begin() == named - one_.description.classes.begin());
    }
    REQUIRE(all.size() == pictures_.size());
    return all;
  }

  const fs::path& folder() const { return folder_.path(); }

 private:
  const ExportedCase& one_;
  TemporaryFolder folder_;
  std::vector<std::string> pictures_;
};

/// With every compiler that is here; only gcc's program is run, under the sanitizers.
std::vector<std::vector<float>> compiled_answers(const CCode& code) {
  const std::string gcc = on_path("gcc"), clang = on_path("clang"), gxx = on_path("g++"),
                    arm = on_path("arm-none-eabi-gcc");
  REQUIRE(!gcc.empty());
  const std::vector<std::string> sources{"net.c", "net_main.c"};
  const auto with = [&](std::vector<std::string> options) {
    options.insert(options.end(), sources.begin(), sources.end());
    return options;
  };
  if (!clang.empty()) code.compile(clang, with({"-std=c99", "-fsyntax-only"}));
  if (!gxx.empty()) code.compile(gxx, with({"-x", "c++", "-fsyntax-only"}));
  if (!arm.empty())
    code.compile(arm, {"-std=c99", "-mcpu=cortex-m4", "-mthumb", "-O2", "-c", "net.c", "-o", "net-arm.o"});
  std::vector<std::string> options =
      with({"-std=c99", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-o", "net"});
  options.emplace_back("-lm");
  code.compile(gcc, options);
  return code.answers(code.folder() / "net");
}

TEST_CASE("the exported program says how it is used, and notices a full disk", "[export]") {
  if (on_path("gcc").empty()) {
    WARN("skipped: there is no gcc here");
    return;
  }
  const ExportedCase one(kExportCases.front());
  const CCode code(one, float_c_source(plan_of(one, ActivationFolding::all),
                                       {.name = "net", .model = "m.safetensors", .version = "1"}));
  code.compile(on_path("gcc"), {"-std=c99", "net.c", "net_main.c", "-o", "net", "-lm"});
  ProgramResult result = run_program(code.folder() / "net", {});
  INFO(result.description());
  CHECK(result.exit_code == 2);
  CHECK(result.out.empty());
  CHECK_THAT(result.err, ContainsSubstring("usage: ") && ContainsSubstring("PGM file of 14 x 14 pixels"));
  result = run_program("/bin/sh", {"-c", "./net 0.pnm no.pnm"},
                       {.environment = {}, .working_folder = code.folder()});
  CHECK(result.exit_code == 1);
  CHECK(result.err == "no.pnm: cannot be opened\n");
  result = run_program("/bin/sh", {"-c", "./net 0.pnm >/dev/full"},
                       {.environment = {}, .working_folder = code.folder()});
  CHECK(result.exit_code == 1);
  CHECK(result.err == "standard output: cannot be written\n");
}

TEST_CASE("exported C compiles without a warning and gives the engine's probabilities", "[export]") {
  if (on_path("gcc").empty()) {
    WARN("skipped: there is no gcc here");
    return;
  }
  for (const ExportCase& which : kExportCases) {
    INFO(which.name);
    const ExportedCase one(which);
    const CCode code(one, float_c_source(plan_of(one, ActivationFolding::all),
                                         {.name = "net", .model = "m.safetensors", .version = "1"}));
    const auto answers = compiled_answers(code);
    for (int n = 0; n < kExportImages; ++n)
      CHECK(largest_difference(answers[static_cast<std::size_t>(n)], one.engine(n)) < kClose);
  }
}

TEST_CASE("int8 C gives the bits of the program's own int8 execution", "[export]") {
  for (const ExportCase& which : kExportCases) {
    INFO(which.name);
    ExportedCase one(which);
    const ExportPlan plan = plan_of(one, ActivationFolding::rectifiers);
    const QuantizedPlan quantized = quantize(plan, calibrate(plan, one.images, one.pool));
    const ByteRun run(plan, quantized);
    ByteValues values;
    std::vector<std::vector<float>> own(one.images.size());
    for (std::size_t n = 0; n < one.images.size(); ++n) {
      run.run(one.images[n], values);
      run.probabilities(values, own[n]);
      CHECK(largest_difference(own[n], one.engine(static_cast<int>(n))) < 0.15);
    }
    // A layer by itself loses what 8 bits cannot say: 40 dB are 1 %.
    for (const LayerNoise& layer : measure_noise(plan, quantized, one.images, one.pool)) {
      INFO(layer.layer << " " << layer.own << " dB");
      CHECK(layer.own > 22);
    }
    if (on_path("gcc").empty()) continue;
    const CCode code(one, int8_c_source(plan, quantized, {.name = "net", .model = "m", .version = "1"}));
    CHECK(compiled_answers(code) == own);
  }
}

/// A processor that is emulated here.
struct OtherProcessor {
  std::string compiler, emulator;
  /// What the compiled program answers there.
  std::vector<std::vector<float>> answers(const CCode& code) const {
    code.compile(compiler, {"-std=c99", "-O2", "-static", "net.c", "net_main.c", "-o", "net-there", "-lm"});
    return code.answers(emulator, {(code.folder() / "net-there").string()});
  }
};

/// Those whose compiler and emulator are here: ARM64, and s390x, whose numbers begin with the highest byte.
std::vector<OtherProcessor> other_processors() {
  std::vector<OtherProcessor> found;
  for (const std::string name : {"aarch64", "s390x"}) {
    OtherProcessor other{on_path(name + "-linux-gnu-gcc"), on_path("qemu-" + name + "-static")};
    if (other.emulator.empty()) other.emulator = on_path("qemu-" + name);
    if (other.compiler.empty() || other.emulator.empty()) {
      WARN("skipped: there is no " + name + "-linux-gnu-gcc or no qemu-" + name + " here (gcc-" + name +
           "-linux-gnu, qemu-user-static)");
      continue;
    }
    found.push_back(other);
  }
  return found;
}

TEST_CASE("exported C gives the same answers on ARM64 and on a big-endian processor", "[export]") {
  const std::vector<OtherProcessor> others = other_processors();
  if (others.empty()) return;
  for (const ExportCase& which : kExportCases) {
    INFO(which.name);
    ExportedCase one(which);
    const CNaming names{.name = "net", .model = "m", .version = "1"};
    const CCode floats(one, float_c_source(plan_of(one, ActivationFolding::all), names));
    const ExportPlan plan = plan_of(one, ActivationFolding::rectifiers);
    const QuantizedPlan quantized = quantize(plan, calibrate(plan, one.images, one.pool));
    const CCode bytes(one, int8_c_source(plan, quantized, names));
    const ByteRun run(plan, quantized);
    for (const OtherProcessor& other : others) {
      INFO(other.compiler);
      const auto of_floats = other.answers(floats), of_bytes = other.answers(bytes);
      ByteValues values;
      std::vector<float> expected;
      for (std::size_t n = 0; n < one.images.size(); ++n) {
        CHECK(largest_difference(of_floats[n], one.engine(static_cast<int>(n))) < kClose);
        run.run(one.images[n], values);
        run.probabilities(values, expected);
        CHECK(of_bytes[n] == expected);
      }
    }
  }
}

TEST_CASE("ranges for bytes leave out what costs more than it brings", "[export]") {
  RangeHistogram even({-1, 1}), outlier({-1, 100});
  std::vector<float> numbers;
  for (int i = 1; i < 2000; ++i) numbers.push_back(static_cast<float>(i) / 1000 - 1);
  even.add(numbers);
  CHECK(even.best().high == Approx(1).margin(0.03));
  for (int i = 0; i < 1000; ++i) outlier.add(numbers);
  outlier.add(std::vector<float>{100});
  CHECK(outlier.best().high < 35);
  // 0 is a byte, always.
  for (const NumberRange range : {NumberRange{0.5, 3}, {-3, -0.5}, {-0.3, 7}, {0, 0}}) {
    const ByteCode code = code_for(range);
    CHECK(code.decoded(code.encoded(0)) == 0);
    CHECK(code.zero >= -128);
    CHECK(code.zero <= 127);
  }
}

TEST_CASE("a channel that is always 0 stays 0 in bytes", "[export]") {
  ExportedCase one(kExportCases.front());
  ExportPlan plan = plan_of(one, ActivationFolding::rectifiers);
  auto& conv = std::get<ExportConv>(plan.steps.front().action);
  std::fill_n(conv.weight.begin(), conv.weight.size() / conv.bias.size(), 0.0f);
  conv.bias[0] = 0;
  const QuantizedPlan quantized = quantize(plan, calibrate(plan, one.images, one.pool));
  for (const std::uint8_t shift : quantized.rows.front().shift) CHECK((shift >= 1 && shift <= 62));
  const ByteRun run(plan, quantized);
  ByteValues values;
  run.run(one.images.back(), values);
  const int y = plan.steps.front().y;
  CHECK(values[static_cast<std::size_t>(y)][0] == quantized.codes[static_cast<std::size_t>(y)].zero);
}

TEST_CASE("values that live at the same time have memory of their own", "[export]") {
  for (const ExportCase& which : kExportCases) {
    INFO(which.name);
    const ExportedCase one(which);
    const ExportPlan plan = plan_of(one, ActivationFolding::rectifiers);
    const ValuePlaces places = place_values(plan, 1);
    // Executed in that memory as the C code does it, each value being its own number: whoever reads finds it.
    std::vector<int> owner(static_cast<std::size_t>(places.size), -1);
    const auto write = [&](int value) {
      const auto first = owner.begin() + places.places[static_cast<std::size_t>(value)];
      std::fill_n(first, plan.values[static_cast<std::size_t>(value)].values(), value);
    };
    const auto check = [&](int value) {
      const auto first = owner.begin() + places.places[static_cast<std::size_t>(value)];
      CHECK(std::all_of(first, first + plan.values[static_cast<std::size_t>(value)].values(),
                        [&](int found) { return found == value; }));
    };
    write(0);
    for (const ExportStep& step : plan.steps) {
      check(step.x);
      if (step.shortcut >= 0) check(step.shortcut);
      write(step.y);
    }
    check(plan.output);
  }
}

/// A folder for each case with the model in ONNX, both kinds of input, images, and the engine's answers.
void write_onnx_cases(const fs::path& folder) {
  for (const ExportCase& which : kExportCases) {
    const ExportedCase one(which);
    const ExportPlan plan = plan_of(one, ActivationFolding::all);
    const fs::path to = folder / which.name;
    std::string pixels;
    for (const auto& image : one.images) pixels.append(image.begin(), image.end());
    write_outputs(
        {{to / "floats.onnx", onnx_text(plan, OnnxInput::floats, "1")},
         {to / "bytes.onnx", onnx_text(plan, OnnxInput::bytes, "1")},
         {to / "images.bin", pixels},
         {to / "probabilities.bin",
          {reinterpret_cast<const char*>(one.probabilities.data()), one.probabilities.size() * 4}}});
  }
}

/// Runs a script of tests/cli on the cases. Exit status 77: what it needs is not here.
void run_on_onnx_cases(const std::string& interpreter, const std::string& script) {
  if (interpreter.empty()) {
    WARN("skipped: nothing here runs " + script);
    return;
  }
  const TemporaryFolder folder;
  write_onnx_cases(folder.path());
  const ProgramResult result = run_program(
      interpreter, {(fs::path(CNN_SOURCE_DIR) / "tests/cli" / script).string(), folder.path().string()});
  INFO(result.description());
  if (result.exit_code == 77) {
    WARN(result.out);
    return;
  }
  CHECK(result.exit_code == 0);
  CHECK_THAT(result.out, ContainsSubstring("all " + std::to_string(2 * kExportCases.size()) + " models"));
}

TEST_CASE("ONNX's own checker accepts every exported model", "[export]") {
  // The system's Python has the system's packages; another one may come first on the path.
  const std::string system = "/usr/bin/python3";
  run_on_onnx_cases(fs::exists(system) ? system : on_path("python3"), "check_onnx.py");
}

TEST_CASE("ONNX Runtime gives the engine's probabilities", "[export]") {
  run_on_onnx_cases(on_path("node"), "check_onnx.mjs");
}

}  // namespace
}  // namespace cnn
