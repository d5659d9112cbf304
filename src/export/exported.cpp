#include "export/exported.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"
#include "data/subset.h"
#include "export/c_words.h"
#include "export/calibration.h"
#include "export/float_run.h"

namespace cnn {
namespace {

/// A plan in float32.
struct FloatExecution {
  explicit FloatExecution(ExportPlan made) : plan(std::move(made)), run(plan) {}
  const ExportPlan plan;
  const FloatRun run;
};

/// The same in int8.
struct ByteExecution {
  ByteExecution(ExportPlan made, QuantizedPlan bytes)
      : plan(std::move(made)), quantized(std::move(bytes)), run(plan, quantized) {}
  const ExportPlan plan;
  const QuantizedPlan quantized;
  const ByteRun run;
};

template <class Execution>
ExportAnswer answer_of(std::shared_ptr<const Execution> execution) {
  return [execution](std::span<const std::uint8_t> pixels, std::vector<float>& probabilities) {
    typename decltype(execution->run)::Values values;
    execution->run.run(pixels, values);
    execution->run.probabilities(values, probabilities);
  };
}

/// Bytes hold what a model of 8 bits sees, and less than one of 16 bits does.
void refuse_bytes(const Inspected& model, const char* what) {
  if (model.config.data.image.depth == 16)
    fail_usage(
        "{}: takes pixels as bytes, but {} was trained on 16-bit values (\"depth\": 16), of which bytes keep "
        "too "
        "little; write ONNX without --uint8, whose input is numbers from 0 to 1",
        what, printable(model.label));
}

CNaming naming_of(const Inspected& model, const std::string& name, const std::string& version) {
  return {.name = name.empty() ? c_name(model.config.name) : name,
          .model = std::filesystem::path(model.label).filename().string(),
          .version = version};
}

Exported c_export(const ExportPlan& plan, const CNaming& naming, CSource source,
                  const std::filesystem::path& folder) {
  const ImageSpec& image = plan.image;
  Exported made;
  made.files = {{folder / (naming.name + ".h"), std::move(source.header)},
                {folder / (naming.name + ".c"), std::move(source.source)},
                {folder / (naming.name + "_main.c"), std::move(source.main)}};
  made.result.format = "c";
  made.result.input = fmt::format("bytes, {} rows of {} pixels of {}", image.height, image.width,
                                  counted(image.channels, "channel"));
  made.result.macs = macs_of(plan);
  made.result.classes = plan.classes;
  made.result.image = plan.image;
  made.result.scratch_bytes = source.scratch_bytes;
  made.result.constant_bytes = source.constant_bytes;
  return made;
}

std::string quoted_names(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 5;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i)
    text += fmt::format("{}\"{}\"", i > 0 ? ", " : "", printable(names[i]));
  return names.size() > kShown ? fmt::format("{} and {} more", text, names.size() - kShown) : text;
}

/// What makes it doubtful that the images show the ranges of values that the network will meet.
void warn_of_calibration(const PixelSample& sample, const std::vector<std::string>& classes,
                         const std::filesystem::path& folder, std::vector<std::string>& warnings) {
  const auto warn = [&](const std::string& text) {
    warnings.push_back(fmt::format("--calibrate {}: {}", printable(folder.string()), text));
  };
  if (const auto images = static_cast<std::int64_t>(sample.images.size()); images < kEnoughCalibrationImages)
    warn(fmt::format("{} may not show the whole range of every value; take {} or more, of all classes",
                     counted(images, "image"), kEnoughCalibrationImages));
  if (const auto unknown = missing_classes(classes, sample.classes); !unknown.empty())
    warn(fmt::format("{} of its {} not of the model: {}; take images like those that the network will see",
                     unknown.size(), unknown.size() == 1 ? "classes is" : "classes are",
                     quoted_names(unknown)));
}

}  // namespace

ExportPlan export_plan(const Inspected& model, ActivationFolding folding) {
  const ExportSource source{.name = model.config.name,
                            .classes = model.classes,
                            .image = model.config.data.image,
                            .mean = model.mean,
                            .std = model.std};
  if (static_cast<int>(model.mean.size()) != source.image.channels)
    fail("{}: its metadata is damaged: {} means for images of {} channels", printable(model.label),
         model.mean.size(), source.image.channels);
  return make_export_plan(*model.network(1), source, folding);
}

Exported export_onnx(const Inspected& model, const std::filesystem::path& out, OnnxInput input,
                     const std::string& version) {
  if (input == OnnxInput::bytes) refuse_bytes(model, "--uint8");
  const auto execution = std::make_shared<const FloatExecution>(export_plan(model, ActivationFolding::all));
  const ImageSpec& image = execution->plan.image;
  Exported made;
  made.files = {{out, onnx_text(execution->plan, input, version)}};
  made.result.format = "onnx";
  made.result.arithmetic = "float32";
  made.result.input =
      input == OnnxInput::bytes
          ? fmt::format("image, uint8 [N, {}, {}, {}]", image.height, image.width, image.channels)
          : fmt::format("image, float32 [N, {}, {}, {}] with values from 0 to 1", image.channels,
                        image.height, image.width);
  made.result.macs = macs_of(execution->plan);
  made.result.classes = execution->plan.classes;
  made.result.image = image;
  made.answer = answer_of(execution);
  made.at_16_bits = [execution](std::span<const float> pixels, std::vector<float>& probabilities) {
    PlanValues values;
    execution->run.run_values(pixels, values);
    execution->run.probabilities(values, probabilities);
  };
  return made;
}

Exported export_float_c(const Inspected& model, const std::filesystem::path& folder, const std::string& name,
                        const std::string& version) {
  refuse_bytes(model, "--c");
  const auto execution = std::make_shared<const FloatExecution>(export_plan(model, ActivationFolding::all));
  const CNaming naming = naming_of(model, name, version);
  Exported made = c_export(execution->plan, naming, float_c_source(execution->plan, naming), folder);
  made.result.arithmetic = "float32";
  made.answer = answer_of(execution);
  return made;
}

Exported export_int8_c(const Inspected& model, const std::filesystem::path& folder, const std::string& name,
                       const std::string& version, const std::filesystem::path& calibration, bool noise,
                       ThreadPool& pool) {
  refuse_bytes(model, "--c");
  ExportPlan plan = export_plan(model, ActivationFolding::rectifiers);
  const PixelSample sample = sample_pixels(model, calibration, kMostCalibrationImages, pool);
  QuantizedPlan quantized = quantize(plan, calibrate(plan, sample.images, pool));
  const auto execution = std::make_shared<const ByteExecution>(std::move(plan), std::move(quantized));
  const CNaming naming = naming_of(model, name, version);
  Exported made =
      c_export(execution->plan, naming, int8_c_source(execution->plan, execution->quantized, naming), folder);
  made.result.arithmetic = "int8";
  made.result.calibration_images = static_cast<std::int64_t>(sample.images.size());
  made.result.bad_calibration_images = sample.bad;
  warn_of_calibration(sample, model.classes, calibration, made.result.warnings);
  if (noise) {
    const std::size_t images = std::min(sample.images.size(), static_cast<std::size_t>(kNoiseImages));
    std::vector<std::vector<std::uint8_t>> spread;
    for (std::size_t i = 0; i < images; ++i)
      spread.push_back(sample.images[i * sample.images.size() / images]);
    made.result.noise = measure_noise(execution->plan, execution->quantized, spread, pool);
    made.result.noise_images = static_cast<std::int64_t>(images);
  }
  made.answer = answer_of(execution);
  return made;
}

}  // namespace cnn
