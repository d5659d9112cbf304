// cnn-train --find-lr: what the losses of a sweep say, and how that is shown.
#include <algorithm>
#include <cmath>

#include "catch.h"
#include "core/file.h"
#include "report/learning_rate_page.h"
#include "report/terminal_chart.h"
#include "resumed_runs.h"
#include "train/learning_rate_sweep.h"

namespace cnn {
namespace {

/// A sweep over 100 rates from 1e-5 to 10 with the given loss.
template <class Loss>
LearningRateSweep sweep_of(Loss&& loss) {
  LearningRateSweep sweep;
  for (int i = 0; i < 100; ++i) {
    const double rate = std::pow(10, -5 + 6 * i / 99.0);
    if (const double value = loss(rate); std::isfinite(value)) {
      sweep.rates.push_back(rate);
      sweep.losses.push_back(value);
    }
  }
  judge(sweep);
  return sweep;
}

TEST_CASE("the suggestion is a tenth of where the loss is least", "[train]") {
  // A fall around 0.01, then a rise from 0.3 on.
  const LearningRateSweep sweep = sweep_of([](double rate) {
    return 2.3 - 2 / (1 + std::pow(0.01 / rate, 2)) + (rate > 0.3 ? std::pow(rate / 0.3, 2) - 1 : 0);
  });
  CHECK(sweep.steepest == Approx(0.01).epsilon(0.15));
  CHECK(sweep.suggestion == Approx(sweep.least / 10).epsilon(0.25));
  CHECK((sweep.least > 0.1 && sweep.least < 0.5));
}

TEST_CASE("one bad batch is no trend", "[train]") {
  const auto fall = [](double rate) { return 2.3 - 2 / (1 + std::pow(0.01 / rate, 2)); };
  int step = 0;
  const LearningRateSweep sweep =
      sweep_of([&](double rate) { return fall(rate) + (++step == 30 || step == 52 ? 5 : 0); });
  CHECK(sweep.steepest == Approx(0.01).epsilon(0.3));
  CHECK(sweep.smoothed[29] < 2.4);
}

TEST_CASE("a loss that does not fall suggests nothing", "[train]") {
  CHECK(sweep_of([](double) { return 2.3; }).suggestion == 0);
  CHECK(sweep_of([](double rate) { return 2.3 + rate; }).suggestion == 0);
  CHECK(sweep_of([](double rate) { return rate < 2e-5 ? 2.3 : std::nan(""); }).suggestion == 0);
}

TEST_CASE("a sweep's training has rising rates and nothing that disturbs them", "[train]") {
  TrainingSpec spec;
  spec.batch_size = 10;
  spec.optimizer = MuonSpec{.learning_rate = 0.02, .others = AdamSpec{.learning_rate = 0.004}};
  spec.schedule = {.shape = CosineSchedule{}, .warmup_epochs = 2};
  spec.early_stopping.emplace();
  spec.max_minutes = 1;
  const SweepRange range{.lowest = 1e-4, .highest = 1, .steps = 50};
  const TrainingSpec sweep = sweep_spec(spec, range, 95);  // 10 steps an epoch
  CHECK(sweep.epochs * 10 >= 50);
  CHECK_FALSE(sweep.early_stopping);
  CHECK_FALSE(sweep.max_minutes);
  const auto& muon = std::get<MuonSpec>(sweep.optimizer);
  CHECK(muon.learning_rate == Approx(1e-4));
  CHECK(std::get<AdamSpec>(muon.others).learning_rate == Approx(2e-5));
  const LearningRateSchedule schedule(sweep.schedule, sweep.epochs, 10);
  CHECK(schedule.factor(0) == 1);
  CHECK(schedule.factor(49) == Approx(1e4));
}

TEST_CASE("a chart of dots has its axes, its line and its mark", "[report]") {
  LineChart chart{.title = "Loss",
                  .x_name = "rate",
                  .x = {0.001, 0.01, 0.1, 1},
                  .series = {{"loss", {2, 2, 0, 1}}},
                  .x_logarithmic = true,
                  .marked_x = 0.01,
                  .mark_text = "here"};
  CHECK(terminal_chart(chart, {.columns = 40, .unicode = true}, 5) ==
        "Loss\n"
        "2 ┤⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠑⠤⡀\n"
        "  │            │ ⠈⠒⢄\n"
        "  │            │    ⠑⠢⡀              ⢀⡠⠤\n"
        "  │            │      ⠈⠑⢄       ⣀⡠⠤⠒⠉⠁\n"
        "0 ┤            │         ⠉⠢⣀⡠⠔⠒⠉\n"
        "  └─────────────────────────────────────\n"
        " 0.001       0.01         0.1          1\n"
        "   rate; │ here\n");
}

TEST_CASE("cnn-train --find-lr says what its curve means for the rate of the config", "[cli]") {
  const Runs runs;
  const auto told_of = [&](const std::string& rate, const std::string& schedule) {
    std::string told = runs.train(runs.start("run-" + rate + schedule.substr(9, 3),
                                             {"--quiet", "--find-lr=60", "--set", "training.batch_size=8",
                                              "--set", "training.optimizer.learning_rate=" + rate, "--set",
                                              "training.schedule=" + schedule}))
                           .out;
    std::ranges::replace(told, '\n', ' ');
    return told;
  };
  const std::string constant = R"({"type":"constant"})", cycle = R"({"type":"one_cycle"})";
  CHECK_THAT(told_of("1e-6", constant), ContainsSubstring("The config has 1e-06, less than the suggestion"));
  CHECK_THAT(told_of("0.01", constant), ContainsSubstring("The config has 0.01, which is about"));
  CHECK_THAT(told_of("0.1", constant),
             ContainsSubstring("The config has 0.1, between") && ContainsSubstring("does not begin low"));
  CHECK_THAT(told_of("0.1", cycle), ContainsSubstring("Its schedule begins low"));
  CHECK_THAT(told_of("9", constant), ContainsSubstring("The config has 9, more than the rate with the"));
}

TEST_CASE("cnn-train --find-lr draws, suggests and leaves a table and a page", "[cli]") {
  const Runs runs;
  const ProgramResult result =
      runs.train(runs.start("run", {"--quiet", "--find-lr=60", "--set", "training.batch_size=8"}));
  INFO(result.description());
  REQUIRE(result.exit_code == 0);
  CHECK_THAT(result.out, ContainsSubstring("Loss while the learning rate rises") &&
                             ContainsSubstring("Suggestion:") && ContainsSubstring("The config has 0.01"));
  CHECK_THAT(read_file(runs.path("run/learning_rates.csv")),
             StartsWith("step,learning_rate,loss,smoothed_loss\n1,1e-05,"));
  CHECK_THAT(read_file(runs.path("run/report.html")),
             ContainsSubstring("suggested learning rate") && ContainsSubstring("<svg"));
  const ProgramResult again = runs.train(runs.start("run", {"--find-lr"}));
  CHECK(again.exit_code == 2);  // never over another run's results
  CHECK(runs.train(runs.start("other", {"--find-lr", "--seeds", "2"})).exit_code == 2);
}

}  // namespace
}  // namespace cnn
