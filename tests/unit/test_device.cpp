// The int8 C code of a LeNet-5 on an emulated microcontroller (Cortex-M4): the bits of the program's own int8
// execution, and what it costs there.
#include <bit>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "catch.h"
#include "core/file.h"
#include "export/byte_run.h"
#include "export/calibration.h"
#include "export/exported.h"
#include "run_program.h"
#include "temporary_folder.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

constexpr int kDeviceImages = 100;

std::string array_of(const std::vector<std::vector<std::uint8_t>>& images) {
  std::string text =
      fmt::format("#include <stdint.h>\n#define IMAGES {}\nstatic const uint8_t images[IMAGES][{}] = {{\n",
                  images.size(), images[0].size());
  for (const auto& image : images) text += fmt::format("{{{}}},\n", fmt::join(image, ","));
  return text + "};\n";
}

ProgramResult run_there(const fs::path& folder, const std::string& program,
                        const std::vector<std::string>& arguments) {
  ProgramResult result = run_program(program, arguments, {.environment = {}, .working_folder = folder});
  INFO(program << ": " << result.description());
  REQUIRE(result.exit_code == 0);
  return result;
}

TEST_CASE("int8 C gives the same bits on an emulated Cortex-M4", "[export]") {
  const fs::path source(CNN_SOURCE_DIR), gcc("/usr/bin/arm-none-eabi-gcc"), qemu("/usr/bin/qemu-system-arm");
  for (const fs::path& program : {gcc, qemu})
    if (!fs::exists(program)) {
      WARN("skipped: there is no " + program.string() + " here");
      return;
    }
  const TemporaryFolder folder;
  const std::string model = (folder.path() / "run/best.safetensors").string();
  const fs::path digits = source / "data/digits";
  run_there(folder.path(), program_path("cnn-train"),
            {"--config", (source / "configs/digits-lenet5.json").string(), "--run-dir", "run", "--quiet",
             "--set", "training.epochs=2"});
  run_there(folder.path(), program_path("cnn-export"),
            {"--model", model, "--c", "code", "--name", "digits", "--int8", "--calibrate",
             (digits / "train").string()});

  // The same once more in this process.
  const Inspected inspected = read_inspected({}, model);
  ThreadPool pool(2);
  const PixelSample calibration = sample_pixels(inspected, digits / "train", kMostCalibrationImages, pool);
  const PixelSample test = sample_pixels(inspected, digits / "test", kDeviceImages, pool);
  REQUIRE(test.images.size() == kDeviceImages);
  const ExportPlan plan = make_export_plan(*inspected.network(1),
                                           {.name = inspected.config.name,
                                            .classes = inspected.classes,
                                            .image = inspected.config.data.image,
                                            .mean = inspected.mean,
                                            .std = inspected.std},
                                           ActivationFolding::rectifiers);
  const QuantizedPlan quantized = quantize(plan, calibrate(plan, calibration.images, pool));
  const ByteRun run(plan, quantized);

  write_file_atomically(folder.path() / "images.h", array_of(test.images));
  const std::string device = (source / "tests/device").string();
  run_there(folder.path(), gcc,
            {"-std=gnu99",
             "-mcpu=cortex-m4",
             "-mthumb",
             "-mfloat-abi=hard",
             "-mfpu=fpv4-sp-d16",
             "-O2",
             "-Wall",
             "-Wextra",
             "-Werror",
             "-ffunction-sections",
             "-Wl,--gc-sections",
             "--specs=rdimon.specs",
             "-nostartfiles",
             "-Icode",
             "-I.",
             "-T",
             device + "/mps2.ld",
             device + "/start.c",
             device + "/device_main.c",
             "code/digits.c",
             "-o",
             "device.elf"});
  const ProgramResult ran =
      run_there(folder.path(), qemu,
                {"-M", "mps2-an386", "-icount", "shift=0", "-nographic", "-monitor", "none", "-serial",
                 "none", "-semihosting-config", "enable=on,target=native", "-kernel", "device.elf"});
  std::istringstream words(ran.out + ran.err);
  ByteValues values;
  std::vector<float> expected;
  int different = 0;
  for (const auto& image : test.images) {
    run.run(image, values);
    run.probabilities(values, expected);
    for (const float probability : expected) {
      std::uint32_t bits = 0;
      REQUIRE(static_cast<bool>(words >> std::hex >> bits));
      different += bits != std::bit_cast<std::uint32_t>(probability);
    }
  }
  CHECK(different == 0);

  std::string word;
  std::uint64_t stack = 0, instructions = 0;
  words >> std::dec >> word >> stack >> word >> instructions;
  const std::string size =
      run_there(folder.path(), gcc,
                {"-mcpu=cortex-m4", "-mthumb", "-Os", "-Icode", "-c", "code/digits.c", "-o", "size.o"})
          .out;
  std::istringstream sizes(run_there(folder.path(), "/usr/bin/arm-none-eabi-size", {"size.o"}).out);
  std::getline(sizes, word);
  std::uint64_t text = 0, data = 0, bss = 0;
  sizes >> text >> data >> bss;
  const CSource code = int8_c_source(plan, quantized, {.name = "digits", .model = "", .version = ""});
  WARN("LeNet-5 in int8 on a Cortex-M4: " << text + data << " bytes of flash, " << code.scratch_bytes << " + "
                                          << stack << " bytes of scratch memory and stack, " << instructions
                                          << " instructions an image");
  CHECK(text + data <= 70'000);
  CHECK(bss == 0);
  CHECK(static_cast<std::uint64_t>(code.scratch_bytes) + stack <= 9'000);
  CHECK(instructions > 416'520);
}

}  // namespace
}  // namespace cnn
