// What cnn-eval draws to explain a prediction: gradients against differences, and Grad-CAM against its
// formula.
#include <cmath>

#include "catch.h"
#include "core/file.h"
#include "data/decode.h"
#include "export/explanation.h"
#include "export/exported.h"
#include "export/plan_gradient.h"
#include "export_cases.h"
#include "picture_folder.h"
#include "run_program.h"
#include "temporary_folder.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

Inspected inspected(const ExportedCase& made, const fs::path& folder) {
  made.save(folder / "m.safetensors");
  return read_inspected({}, folder / "m.safetensors");
}

/// The logit of a class if value `from` were changed: all steps behind it, anew.
double logit_after(const ExportPlan& plan, PlanValues values, int from, int class_number) {
  for (const ExportStep& step : plan.steps) {
    if (step.y <= from) continue;
    const std::vector<float> none;
    const StepValue y =
        step_value(plan, step, values[static_cast<std::size_t>(step.x)],
                   step.shortcut < 0 ? none : values[static_cast<std::size_t>(step.shortcut)]);
    values[static_cast<std::size_t>(step.y)].assign(y.after.begin(), y.after.end());
  }
  return double{values[static_cast<std::size_t>(plan.output)][static_cast<std::size_t>(class_number)]};
}

TEST_CASE("the gradient of a logit is that of differences, for every layer", "[export]") {
  const auto number = GENERATE(range(std::size_t{0}, kExportCases.size()));
  INFO(kExportCases[number].name);
  const ExportedCase made(kExportCases[number]);
  const TemporaryFolder folder;
  const ExportPlan plan = export_plan(inspected(made, folder.path()), ActivationFolding::all);
  const FloatRun run(plan);
  PlanValues values;
  run.run(made.images[3], values);
  for (const ExportStep& step : plan.steps) {
    const std::vector<float> none;
    const StepValue y =
        step_value(plan, step, values[static_cast<std::size_t>(step.x)],
                   step.shortcut < 0 ? none : values[static_cast<std::size_t>(step.shortcut)]);
    for (std::size_t i = 0; i < y.after.size(); ++i)
      REQUIRE_THAT(y.after[i], Catch::Matchers::WithinAbs(values[static_cast<std::size_t>(step.y)][i], 1e-3));
  }
  const int class_number = 2;
  const std::vector<double> gradient = logit_gradient(plan, values, class_number, 0);
  REQUIRE(gradient.size() == values[0].size());
  const double scale =
      std::abs(*std::ranges::max_element(gradient, {}, [](double value) { return std::abs(value); }));
  const double here = logit_after(plan, values, 0, class_number);
  int checked = 0, tried = 0;
  for (std::size_t i = 0; i < gradient.size(); i += 1 + gradient.size() / 40, ++tried) {
    constexpr float kStep = 1.0f / 256;
    PlanValues right = values, left = values;
    right[0][i] += kStep, left[0][i] -= kStep;
    const double up = (logit_after(plan, right, 0, class_number) - here) / kStep;
    const double down = (here - logit_after(plan, left, 0, class_number)) / kStep;
    if (std::abs(up - down) > 0.02 * scale) continue;  // a kink between them
    REQUIRE_THAT(gradient[i], Catch::Matchers::WithinAbs((up + down) / 2, 0.01 * scale + 1e-4));
    ++checked;
  }
  CHECK(checked > tried / 2);
}

TEST_CASE("Grad-CAM is the weighted sum of the last maps", "[export]") {
  // With a global mean and one dense layer behind the maps, the gradients are its weights over the pixels.
  const ExportCase which{"cam", 1, 12, 9,
                         R"([{"type": "conv", "out_channels": 6, "kernel_size": 3, "activation": "relu"},
                             {"type": "global_avg_pool"}, {"type": "dense", "units": 5}])"};
  const ExportedCase made(which);
  const TemporaryFolder folder;
  const Explainer explainer(inspected(made, folder.path()));
  CHECK(explainer.layer() == "conv1");
  PlanValues values;
  explainer.run().run(made.images[4], values);
  std::vector<float> weight;
  for (const Tensor& tensor : const_cast<Network&>(made.network).tensors())
    if (tensor.name == "dense1.weight") weight.assign(tensor.values.begin(), tensor.values.end());
  REQUIRE(weight.size() == 30);
  for (int k = 0; k < 5; ++k) {
    const EvidenceMap map = explainer.plain_map(values, k);
    REQUIRE(map.height == 10);
    REQUIRE(map.width == 7);
    for (std::size_t i = 0; i < 70; ++i) {
      double sum = 0;
      for (std::size_t c = 0; c < 6; ++c)
        sum += double{weight[static_cast<std::size_t>(k) * 6 + c]} / 70 * double{values[1][c * 70 + i]};
      REQUIRE_THAT(map.heat[i], Catch::Matchers::WithinAbs(std::max(sum, 0.0), 1e-6));
    }
  }
}

TEST_CASE("a network without maps shows the gradient of its input", "[export]") {
  const ExportCase which{"flat", 1, 4, 6, R"([{"type": "flatten"}, {"type": "dense", "units": 5}])"};
  const ExportedCase made(which);
  const TemporaryFolder folder;
  const Explainer explainer(inspected(made, folder.path()));
  CHECK(explainer.layer().empty());
  PlanValues values;
  explainer.run().run(made.images[1], values);
  const EvidenceMap map = explainer.plain_map(values, 3);
  for (const Tensor& tensor : const_cast<Network&>(made.network).tensors())
    if (tensor.name == "dense1.weight")
      for (std::size_t i = 0; i < 24; ++i)
        CHECK_THAT(map.heat[i], Catch::Matchers::WithinAbs(std::abs(tensor.values[3 * 24 + i]), 1e-6));
}

TEST_CASE("cnn-eval explains a prediction, and the mistakes of its report", "[cli]") {
  const ExportedCase made(kExportCases[0]);
  const PictureFolder folder;
  made.save(folder.path() / "m.safetensors");
  const auto file = [&](const std::string& name) { return (folder.path() / name).string(); };
  const auto eval = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"--model", file("m.safetensors")});
    return run_program(program_path("cnn-eval"), more);
  };
  folder.put("a.ppm", 20, 20, true, 3);
  const ProgramResult told = eval({"--explain-prediction", file("why.png"), file("a.ppm")});
  INFO(told.description());
  REQUIRE(told.exit_code == 0);
  CHECK_THAT(told.out, ContainsSubstring(file("a.ppm") + ":  ") &&
                           ContainsSubstring("what speaks for it: " + file("why.png")));
  CHECK(decode_image(read_file(file("why.png")), "why.png").fault == "");
  CHECK(eval({"--explain-prediction", file("a.ppm"), file("a.ppm")}).exit_code == 2);
  CHECK(eval({"--explain-prediction", file("m.safetensors"), file("a.ppm")}).exit_code == 2);
  CHECK(eval({"--explain-prediction", file("w.png"), file("none.ppm")}).exit_code == 1);
  CHECK_FALSE(fs::exists(file("w.png")));
  CHECK(eval({"--explain-prediction", file("w.png"), file("a.ppm"), "--top", "3"}).exit_code == 2);
  CHECK(eval({}).exit_code == 2);

  folder.put_class("test/class 0", 6, 20, 20, true);
  folder.put_class("test/class 2", 6, 20, 20, true);
  REQUIRE(eval({"--images", file("test"), "--report", file("r.html")}).exit_code == 0);
  const std::string page = read_file(file("r.html"));
  CHECK_THAT(page, ContainsSubstring("<div class=\"gallery reasons\">") &&
                       ContainsSubstring("alt=\"What spoke for class "));
}

}  // namespace
}  // namespace cnn
