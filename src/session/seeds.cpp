#include "session/seeds.h"

#include <spdlog/spdlog.h>

#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "session/training_run.h"
#include "train/run_folder.h"
#include "train/seed_results.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

std::string seed_folder(std::uint64_t seed) { return fmt::format("seed-{}", seed); }

/// "validation accuracy: mean 99.31 %, standard deviation 0.12 %, 99.20 to 99.40 % over 3 seeds".
std::string spread_line(const char* what, const Spread& spread) {
  return fmt::format(
      "{} accuracy: mean {:.2f} %{}, {:.2f} to {:.2f} % over {} seed{}", what, 100 * spread.mean,
      spread.deviation ? fmt::format(", standard deviation {:.2f} %", 100 * *spread.deviation) : "",
      100 * spread.least, 100 * spread.most, spread.count, spread.count == 1 ? "" : "s");
}

/// The trainings of a folder of seeds, new or resumed.
class SeedTrainings {
 public:
  /// config: that of the first seed. lock: on the folder, if it exists already. All references must outlive
  /// the object.
  SeedTrainings(const Document& document, const Config& config, OpenData data, ThreadPool& pool,
                const fs::path& folder, std::size_t seeds, const Voice& voice, Interruption& interruption,
                std::optional<RunFolder> lock)
      : document_(document),
        config_(config),
        data_(std::move(data)),
        pool_(pool),
        folder_(folder),
        voice_(voice),
        interruption_(interruption),
        plan_{seeds, resolved_json(config)},
        lock_(std::move(lock)) {}

  ExitCode run() {
    ExitCode code = ExitCode::done;
    while (results_.size() < plan_.seeds && code == ExitCode::done) {
      const std::uint64_t seed = config_.seed + results_.size();
      if (!take_result(seed)) code = train(seed);
      if (interruption_.requested() && code == ExitCode::done && results_.size() < plan_.seeds)
        code = interruption_.exit_code();
    }
    summarize();
    return code;
  }

 private:
  /// Adds the result of a seed to the summary if its run is finished.
  bool take_result(std::uint64_t seed) {
    const std::string name = seed_folder(seed);
    const std::optional<FinalResult> result = final_result(folder_ / name);
    if (!result) return false;
    results_.push_back({seed, name, *result});
    write_seed_results(folder_, results_, plan_);
    return true;
  }

  /// Trains with a seed, or finishes a training that has begun.
  ExitCode train(std::uint64_t seed) {
    voice_.log().info("seed {} ({} of {})", seed, results_.size() + 1, plan_.seeds);
    const fs::path folder = folder_ / seed_folder(seed);
    const Voice voice = voice_.for_one_of_several(is_first_);
    const TrainingOutcome result =
        fs::exists(folder / "config.json") ? resume(folder, voice) : start(seed, folder, voice);
    is_first_ = false;
    if (result.code != ExitCode::done) return result.code;
    if (!take_result(seed)) fail("{}: its result.json has disappeared", printable(folder.string()));
    fmt::print("seed {}: {}\n", seed, result.summary);
    std::fflush(stdout);
    return ExitCode::done;
  }

  TrainingOutcome start(std::uint64_t seed, const fs::path& folder, const Voice& voice) {
    Config config = config_;
    config.seed = seed;
    TrainingSetup setup(document_, config, data_(config.data), pool_);
    // A folder appears only when it is clear that there can be a training.
    if (!lock_) {
      interruption_.begin_work();
      lock_.emplace(RunFolder::create(folder_));
      write_seed_results(folder_, results_, plan_);
    }
    return cnn::train(setup, folder, voice, interruption_);
  }

  TrainingOutcome resume(const fs::path& folder, const Voice& voice) {
    ResumeOptions options;
    options.folder = folder;
    return *resume_run(options, data_, pool_, voice, interruption_);  // it is not finished
  }

  void summarize() const {
    if (const auto spread = spread_of_accuracy(results_, &FinalResult::validation))
      fmt::print("{}\n", spread_line("validation", *spread));
    if (const auto spread = spread_of_accuracy(results_, &FinalResult::test))
      fmt::print("{}\n", spread_line("test", *spread));
    if (!results_.empty()) fmt::print("summary: {}\n", printable((folder_ / "seeds.json").string()));
    if (results_.size() < plan_.seeds)
      voice_.log().warn("{} of {} seeds are finished; go on with: cnn-train --resume {}", results_.size(),
                        plan_.seeds, printable(folder_.string()));
  }

  const Document& document_;
  const Config& config_;
  const OpenData data_;
  ThreadPool& pool_;
  const fs::path& folder_;
  const Voice& voice_;
  Interruption& interruption_;
  const SeedPlan plan_;
  std::optional<RunFolder> lock_;
  std::vector<SeedResult> results_;
  bool is_first_ = true;
};

}  // namespace

ExitCode train_seeds(const Document& document, const Config& config, const OpenedData& opened,
                     ThreadPool& pool, const fs::path& folder, int seeds, const Voice& voice,
                     Interruption& interruption) {
  const auto data = [&](const DataSpec&) -> const OpenedData& { return opened; };
  return SeedTrainings(document, config, data, pool, folder, static_cast<std::size_t>(seeds), voice,
                       interruption, std::nullopt)
      .run();
}

bool is_folder_of_seeds(const fs::path& folder) {
  std::error_code unknown;  // resume() reports what is wrong with a folder
  return fs::exists(folder / "seeds.json", unknown);
}

int resume_seeds(const ResumeOptions& options, const Voice& voice) {
  if (!options.overrides.empty())
    fail_usage(
        "--set does not go with {}, whose runs differ only in the seed; give the folder of one of them",
        printable(options.folder.string()));
  RunFolder lock = RunFolder::reopen(options.folder);
  const SeedPlan plan = read_seed_plan(options.folder);
  const auto [document, config] = with_exit_code(ExitCode::run_failed, [&] {
    Document parsed =
        Document::parse(plan.config, "the config in " + printable((options.folder / "seeds.json").string()));
    Config read = read_config(parsed);
    return std::pair(std::move(parsed), std::move(read));
  });
  Interruption interruption(Interruption::Work::to_come);
  ThreadPool pool(options.threads);
  std::optional<OpenedData> opened;
  const auto data = [&](const DataSpec& spec) -> const OpenedData& {
    if (!opened) opened = open_data(spec, pool, voice);
    return *opened;
  };
  return static_cast<int>(SeedTrainings(document, config, data, pool, options.folder, plan.seeds, voice,
                                        interruption, std::move(lock))
                              .run());
}

}  // namespace cnn
