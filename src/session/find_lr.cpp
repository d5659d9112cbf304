#include "session/find_lr.h"

#include <unistd.h>

#include "core/file.h"
#include "core/standard_streams.h"
#include "core/text.h"
#include "inspect/layer_rows.h"
#include "report/layer_table.h"
#include "report/learning_rate_page.h"
#include "report/terminal.h"
#include "report/terminal_chart.h"
#include "session/description.h"
#include "session/environment.h"
#include "train/class_weights.h"

namespace cnn {
namespace {

/// What the curve says of the rate that the config has. starts_low: as the schedule of --init does.
std::string word_on(double rate, bool starts_low, const LearningRateSweep& sweep) {
  constexpr double kAbout = 3;  // a sweep is one draw of batches, and a rate forgives that much
  const std::string has = fmt::format("The config has {:g}", rate);
  if (rate > sweep.least)
    return has + ", more than the rate with the least loss: expect a loss that jumps; take the suggestion.";
  if (rate > kAbout * sweep.suggestion && starts_low)
    return has +
           ", between the suggestion and the rate with the least loss. Its schedule begins low, which bears "
           "that and often ends better: keep it if the loss falls from the first epochs on, or else take the "
           "suggestion.";
  if (rate > kAbout * sweep.suggestion)
    return has +
           ", between the suggestion and the rate with the least loss. That is much for a schedule that does "
           "not begin low: take the suggestion, or add \"warmup_epochs\".";
  if (rate >= sweep.suggestion / kAbout) return has + ", which is about the suggestion.";
  return has + ", less than the suggestion: it is safe, but needs more epochs.";
}

std::string verdict_of(const LearningRateSweep& sweep, const TrainingSpec& training) {
  constexpr std::size_t kManySteps = 200;
  if (sweep.suggestion == 0 && sweep.rates.size() < kManySteps)
    return fmt::format(
        "The loss did not fall clearly within {} steps, so there is nothing to suggest; try more, as with "
        "--find-lr=300.",
        sweep.rates.size());
  if (sweep.suggestion == 0)
    return fmt::format(
        "The loss did not fall at any learning rate up to {:.2g}, so there is nothing to suggest. Look at "
        "the images (train_batch.png of a training), the labels and the network.",
        sweep.rates.empty() ? 0.0 : sweep.rates.back());
  constexpr double kLow = 0.5;
  const bool starts_low =
      LearningRateSchedule(training.schedule, training.epochs, kManySteps).factor(0) <= kLow;
  return fmt::format(
      "The loss falls most steeply at a learning rate of {:.2g}, is least at {:.2g}, and {}. Suggestion: "
      "{:g}, a tenth of the rate with the least loss, as the largest rate of a schedule. {}",
      sweep.steepest, sweep.least,
      sweep.diverged ? fmt::format("has grown beyond recovery at {:.2g}", sweep.rates.back())
                     : fmt::format("does not diverge up to {:.2g}", sweep.rates.back()),
      sweep.suggestion, word_on(learning_rate_of(training.optimizer), starts_low, sweep));
}

/// The claimed folder of process 0; if nothing is written into it, it goes with the object.
class ResultFolder {
 public:
  explicit ResultFolder(std::optional<RunFolder> folder) : folder_(std::move(folder)) {}
  ~ResultFolder() {
    if (folder_) folder_->discard();
  }
  ResultFolder(const ResultFolder&) = delete;
  ResultFolder& operator=(const ResultFolder&) = delete;
  const RunFolder* operator->() const { return &*folder_; }

 private:
  std::optional<RunFolder> folder_;
};

std::string csv_of(const LearningRateSweep& sweep) {
  std::string csv = "step,learning_rate,loss,smoothed_loss\n";
  for (std::size_t i = 0; i < sweep.rates.size(); ++i)
    csv += fmt::format("{},{},{},{}\n", i + 1, exact(sweep.rates[i]), exact(sweep.losses[i]),
                       exact(sweep.smoothed[i]));
  return csv;
}

/// Trains with rising learning rates, on all training images.
LearningRateSweep sweep_of(TrainingSetup& setup, const SweepRange& range, const Voice& voice,
                           const std::atomic<bool>& stop) {
  describe(setup, voice.log());
  voice.log().info("{}", layer_table(to_string(setup.input()), layer_rows(setup.network()),
                                     terminal_of(STDERR_FILENO).columns));
  setup.drop_trainer();  // room for another one
  const Config& config = setup.config();
  const ImageSet& images = setup.all_train();
  Trainer trainer(setup.network(), setup.pool(), sweep_spec(config.training, range, images.size()),
                  config.seed, images, nullptr,
                  class_weights(config.training.class_weights, setup.data().classes, images.labels),
                  setup.cluster(), setup.feature_store());
  std::unique_ptr<ProgressLine> line;
  FrontEvents front;
  front.on_features = [&](std::int64_t done, std::int64_t looks) {
    if (!line) line = voice.progress("computing features", looks);
    line->update(done, "images");
    if (done == looks) line.reset();
  };
  const auto on_step = [&](std::int64_t steps) {
    if (steps == 1) line = voice.progress("learning rates", range.steps);
    line->update(steps, "steps");
  };
  return sweep_learning_rates(trainer, range, on_step, stop, front);
}

}  // namespace

ExitCode find_learning_rate(TrainingSetup& setup, const SweepRange& range, const ClaimFolder& claim,
                            const Voice& voice, Interruption& interruption) {
  interruption.begin_work();
  const Config& config = setup.config();
  const ResultFolder folder(setup.cluster().is_root() ? std::optional(claim()) : std::nullopt);
  const LearningRateSweep sweep = sweep_of(setup, range, voice, interruption.requested());
  interruption.agree(setup.cluster());
  if (!setup.cluster().is_root()) return ExitCode::done;
  if (interruption.requested()) {
    print_err("interrupted before the sweep was finished; nothing was written\n");
    return interruption.exit_code();
  }
  const LearningRateReport report{
      .name = config.name,
      .rates = sweep.rates,
      .losses = sweep.losses,
      .smoothed = sweep.smoothed,
      .suggestion = sweep.suggestion,
      .verdict = verdict_of(sweep, config.training),
      .config = resolved_json(config),
      .environment = environment({setup.pool().threads(), setup.cluster().size()})};
  const Terminal terminal = terminal_of(STDOUT_FILENO);
  if (!sweep.rates.empty()) print_out("{}\n", terminal_chart(learning_rate_chart(report, false), terminal));
  print_out("{}\n", wrapped(report.verdict, terminal.columns));
  write_file_atomically(folder->file("learning_rates.csv"), csv_of(sweep));
  write_file_atomically(folder->file("report.html"), learning_rate_page(report));
  results_are_in(printable(folder->path().string()));
  print_out("report: {}\n", printable(folder->file("report.html").string()));
  return ExitCode::done;
}

}  // namespace cnn
