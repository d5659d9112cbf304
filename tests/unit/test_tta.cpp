// Test-time augmentation: the looks, their mean, and what the programs make of them.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "catch.h"
#include "core/file.h"
#include "data/augmentation.h"
#include "network_fixture.h"
#include "run_program.h"
#include "temporary_folder.h"
#include "train/evaluation.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;
using Tta = TestTimeAugmentation;

TEST_CASE("the looks of test-time augmentation and their weights", "[data]") {
  CHECK(test_views(Tta::none) == std::vector<TestView>{{false, 0, 0, 1}});
  CHECK(test_views(Tta::flip) == std::vector<TestView>{{false, 0, 0, 0.5f}, {true, 0, 0, 0.5f}});
  CHECK(test_views(Tta::shift) ==
        std::vector<TestView>{{false, 0, 0, 0.5f}, {false, 1, 1, 0.25f}, {false, -1, -1, 0.25f}});
  CHECK(test_views(Tta::flip_and_shift) == std::vector<TestView>{{false, 0, 0, 0.25f},
                                                                 {true, 0, 0, 0.25f},
                                                                 {false, 1, 1, 0.125f},
                                                                 {true, 1, 1, 0.125f},
                                                                 {false, -1, -1, 0.125f},
                                                                 {true, -1, -1, 0.125f}});
}

TEST_CASE("a look moves and mirrors every image alike", "[data]") {
  Augmentation::Moves moves;
  for (std::uint32_t epoch = 0; epoch < 3; ++epoch) {
    Augmentation(TestView{.down = 1, .right = -1}).draw(epoch, epoch, 3, 4, moves);
    CHECK(moves.y == std::vector<int>{1, 0, 1});
    CHECK(moves.x == std::vector<int>{1, 2, 3, 2});
    Augmentation(TestView{.mirrored = true, .right = 1}).draw(epoch, epoch, 2, 4, moves);
    CHECK(moves.y == std::vector<int>{0, 1});
    CHECK(moves.x == std::vector<int>{2, 1, 0, 1});
  }
  CHECK_FALSE(Augmentation(TestView{}).empty());
}

/// Three images a batch are one value each: i + offset in lane i.
ImageSet line(std::int64_t count, float offset) {
  ImageSet set;
  for (std::int64_t i = 0; i < count; ++i) set.labels.push_back(i % 5 == 4 ? -1 : static_cast<int>(i % 3));
  set.fill = [offset](std::span<const std::int64_t> images, std::uint32_t, int, BlockView<float> x) {
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      x.data[lane] = lane < images.size() ? static_cast<float>(images[lane] % 7) / 4 + offset : 0;
  };
  return set;
}

TEST_CASE("several looks are judged by the weighted mean of their logits", "[train]") {
  NetworkSpec spec = chain(ConvSpec{.out_channels = 4,
                                    .kernel_size = {1, 1},
                                    .padding = {},
                                    .activation = ActivationFunction::tanh,
                                    .control = {}},
                           FlattenSpec{}, DenseSpec{.units = 3, .control = {}});
  name_entries(spec);
  NetworkFixture fixture(spec, {.c = 1, .h = 1, .w = 1}, 16);
  constexpr std::int64_t kImages = 37;  // more than two batches
  const std::vector<WeightedLook> looks{
      {line(kImages, 0), 0.5f}, {line(kImages, 1), 0.25f}, {line(kImages, -2), 0.25f}};

  // Softmax of the mean logits is the normalized geometric mean of the looks' probabilities.
  std::vector<double> logs(kImages * 3);
  for (const WeightedLook& look : looks)
    evaluate(fixture.evaluation, look.set, [&](std::int64_t i, int, std::span<const float> p, float) {
      for (std::size_t k = 0; k < 3; ++k)
        logs[static_cast<std::size_t>(i) * 3 + k] +=
            static_cast<double>(look.weight) * std::log(static_cast<double>(p[k]));
    });
  std::int64_t seen = 0, correct = 0;
  double loss_sum = 0;
  const Evaluation result = evaluate(
      fixture.evaluation, looks, [&](std::int64_t i, int predicted, std::span<const float> p, float loss) {
        REQUIRE(i == seen++);
        const double* log_p = logs.data() + i * 3;
        const double sum = std::exp(log_p[0]) + std::exp(log_p[1]) + std::exp(log_p[2]);
        for (std::size_t k = 0; k < 3; ++k)
          CHECK(static_cast<double>(p[k]) == Approx(std::exp(log_p[k]) / sum).epsilon(1e-4));
        CHECK(predicted == std::max_element(log_p, log_p + 3) - log_p);
        if (const int label = looks[0].set.labels[static_cast<std::size_t>(i)]; label >= 0) {
          CHECK(static_cast<double>(loss) == Approx(-std::log(std::exp(log_p[label]) / sum)).epsilon(1e-4));
          loss_sum += static_cast<double>(loss);
          correct += predicted == label;
        }
      });
  CHECK(seen == kImages);
  CHECK(result.images == kImages);
  CHECK(result.labeled == 30);
  CHECK(result.correct == correct);
  CHECK(result.loss_sum == Approx(loss_sum));
}

TEST_CASE("cnn-eval judges as the test at the end of the training did, unless --tta says otherwise",
          "[cli]") {
  const TemporaryFolder folder;
  const fs::path case_folder = fs::path(CNN_SOURCE_DIR) / "tests/golden/cases/lenet5";
  const fs::path images = case_folder / "validation_images.idx.gz",
                 labels = case_folder / "validation_labels.idx";
  const std::string test = nlohmann::json({{"images", images.string()}, {"labels", labels.string()}}).dump();
  const fs::path run = folder.path() / "run";
  const ProgramResult trained =
      run_program(program_path("cnn-train"),
                  {"--config", (case_folder / "config.json").string(), "--run-dir", run.string(), "--set",
                   "data.test=" + test, "--set", "data.test_time_augmentation=flip+shift"});
  INFO(trained.description());
  REQUIRE(trained.exit_code == 0);
  const auto expected = nlohmann::json::parse(read_file(run / "result.json"))["test"];
  const auto evaluated = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments{"--model",  (run / "best.safetensors").string(),
                                       "--images", images.string(),
                                       "--labels", labels.string(),
                                       "--json",   "-"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const ProgramResult result = run_program(program_path("cnn-eval"), arguments);
    INFO(result.description());
    REQUIRE(result.exit_code == 0);
    return nlohmann::json::parse(result.out);
  };
  const auto as_trained = evaluated({});
  CHECK(as_trained["accuracy"] == expected["accuracy"]);
  CHECK(as_trained["loss"].get<double>() == Approx(expected["loss"].get<double>()));
  CHECK(evaluated({"--tta", "flip+shift"}) == as_trained);
  const auto plain = evaluated({"--tta", "none"}), flip = evaluated({"--tta", "flip"}),
             shift = evaluated({"--tta", "shift"});
  CHECK(plain["loss"] != as_trained["loss"]);
  CHECK(flip["loss"] != plain["loss"]);
  CHECK(shift["loss"] != plain["loss"]);
  const ProgramResult wrong = run_program(
      program_path("cnn-eval"),
      {"--model", (run / "best.safetensors").string(), "--images", images.string(), "--tta", "mirror"});
  CHECK(wrong.exit_code == 2);
  CHECK(wrong.err.find("--tta") != std::string::npos);
}

}  // namespace
}  // namespace cnn
