#include "session/seeds.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "cluster/messages.h"
#include "core/error.h"
#include "core/file.h"
#include "core/standard_streams.h"
#include "core/text.h"
#include "session/shared_document.h"
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

/// The trainings of a folder of seeds, new or resumed. Of each round of seeds every process takes one;
/// process 0 tells of all.
class SeedTrainings {
 public:
  /// The folder and how process 0 gets it: a new one by `claim`, when the first training is about to begin;
  /// one that exists has its path and, in process 0, its lock.
  struct Place {
    ClaimFolder claim;
    fs::path path;
    std::optional<RunFolder> lock;
  };

  /// config: that of the first seed. All references must outlive the object.
  SeedTrainings(const Document& document, const Config& config, OpenData data, ThreadPool& pool, Place place,
                std::size_t seeds, const Voice& voice, Interruption& interruption, Cluster& cluster)
      : document_(document),
        config_(config),
        data_(std::move(data)),
        pool_(pool),
        claim_(std::move(place.claim)),
        folder_(std::move(place.path)),
        voice_(cluster.is_root() ? voice : voice.of_rank(cluster.rank())),
        interruption_(interruption),
        cluster_(cluster),
        plan_{seeds, resolved_json(config)},
        lock_(std::move(place.lock)),
        exists_(lock_.has_value()) {}

  ExitCode run() {
    broadcast_value(cluster_, exists_);
    ExitCode code = ExitCode::done;
    const auto processes = static_cast<std::size_t>(cluster_.size());
    for (std::size_t first = 0; first < plan_.seeds && code == ExitCode::done; first += processes) {
      code = train_round(first, std::min(processes, plan_.seeds - first));
      interruption_.agree(cluster_);
      if (interruption_.requested() && code == ExitCode::done && first + processes < plan_.seeds)
        code = interruption_.exit_code();
    }
    results_are_in(printable(folder_.string()));
    if (cluster_.is_root()) summarize();
    return code;
  }

 private:
  /// Takes `count` seeds, each by a process of its own. The code of the first one that did not finish.
  ExitCode train_round(std::size_t first, std::size_t count) {
    const std::size_t number = first + static_cast<std::size_t>(cluster_.rank());
    const std::uint64_t seed = config_.seed + number;
    const fs::path begun = folder_ / seed_folder(seed);  // if the folder exists
    const bool takes_part = number < first + count && !(exists_ && final_result(begun));
    const bool goes_on = takes_part && exists_ && fs::exists(begun / "config.json");
    if (takes_part) voice_.log().info("seed {} ({} of {})", seed, number + 1, plan_.seeds);
    std::optional<TrainingSetup> setup;
    if (takes_part && !goes_on) {
      Config config = config_;
      config.seed = seed;
      setup.emplace(document_, config, data_(config.data), pool_);
    }
    create_folder();
    TrainingOutcome outcome;
    if (takes_part) {
      const Voice voice = voice_.for_one_of_several(is_first_ && cluster_.is_root());
      const fs::path own = folder_ / seed_folder(seed);
      const auto create = [&] { return RunFolder::create(own); };
      outcome = goes_on ? resume(own, voice) : cnn::train(*setup, create, voice, interruption_);
      is_first_ = false;
    }
    return take_results(first, count, outcome);
  }

  /// A folder appears only when it is clear that there can be a training. The other processes must see it.
  void create_folder() {
    if (exists_) return;
    gathered(cluster_, char{0});  // all can train
    std::string path;
    if (cluster_.is_root()) {
      interruption_.begin_work();
      lock_.emplace(claim_());
      path = lock_->path().string();
      write_seed_results(path, results_, plan_);
    }
    exists_ = true;
    broadcast_text(cluster_, path);
    folder_ = path;
    std::error_code unknown;
    if (!fs::exists(folder_ / "seeds.json", unknown))
      fail(
          "{}: rank 0 has created this folder, but it is not here; --seeds needs a folder that all machines "
          "share",
          printable(folder_.string()));
  }

  ExitCode take_results(std::size_t first, std::size_t count, const TrainingOutcome& mine) {
    const auto codes = gathered(cluster_, mine.code);
    const std::vector<std::string> summaries = gathered_texts(cluster_, mine.summary);
    for (std::size_t i = 0; i < count; ++i) {
      if (codes[i] != ExitCode::done) return codes[i];
      if (cluster_.is_root()) take_result(config_.seed + first + i, summaries[i]);
    }
    return ExitCode::done;
  }

  /// Adds the result of a finished run to the tables. summary: "" if it was finished before.
  void take_result(std::uint64_t seed, const std::string& summary) {
    const std::string name = seed_folder(seed);
    const std::optional<FinalResult> result = final_result(folder_ / name);
    if (!result) fail("{}: its result.json has disappeared", printable((folder_ / name).string()));
    results_.push_back({seed, name, *result});
    write_seed_results(folder_, results_, plan_);
    if (summary.empty()) return;
    print_out("seed {}: {}\n", seed, summary);
    flush_out();
  }

  TrainingOutcome resume(const fs::path& folder, const Voice& voice) {
    ResumeOptions options;
    options.folder = folder;
    return *resume_run(options, data_, pool_, voice, interruption_);  // it is not finished
  }

  void summarize() const {
    if (const auto spread = spread_of_accuracy(results_, &FinalResult::validation))
      print_out("{}\n", spread_line("validation", *spread));
    if (const auto spread = spread_of_accuracy(results_, &FinalResult::test))
      print_out("{}\n", spread_line("test", *spread));
    if (!results_.empty()) print_out("summary: {}\n", printable((folder_ / "seeds.json").string()));
    if (results_.size() < plan_.seeds)
      voice_.log().warn("{} of {} seeds are finished; go on with: cnn-train --resume {}", results_.size(),
                        plan_.seeds, printable(folder_.string()));
  }

  const Document& document_;
  const Config& config_;
  const OpenData data_;
  ThreadPool& pool_;
  const ClaimFolder claim_;
  fs::path folder_;  // once it exists
  const Voice voice_;
  Interruption& interruption_;
  Cluster& cluster_;
  const SeedPlan plan_;
  std::optional<RunFolder> lock_;
  bool exists_;  // the folder
  std::vector<SeedResult> results_;
  bool is_first_ = true;
};

}  // namespace

ExitCode train_seeds(const Document& document, const Config& config, const OpenedData& opened,
                     ThreadPool& pool, const ClaimFolder& claim, int seeds, const Voice& voice,
                     Interruption& interruption, Cluster& cluster) {
  const auto data = [&](const DataSpec&) -> const OpenedData& { return opened; };
  return SeedTrainings(document, config, data, pool, {claim, {}, {}}, static_cast<std::size_t>(seeds), voice,
                       interruption, cluster)
      .run();
}

bool is_folder_of_seeds(const fs::path& folder) {
  std::error_code unknown;  // resume() reports what is wrong with a folder
  return fs::exists(folder / "seeds.json", unknown);
}

int resume_seeds(const ResumeOptions& options, const Voice& voice, Cluster& cluster) {
  if (!options.overrides.empty())
    fail_usage(
        "--set does not go with {}, whose runs differ only in the seed; give the folder of one of them",
        printable(options.folder.string()));
  std::optional<RunFolder> lock;
  SeedPlan plan;
  const Document document = shared_document(cluster, [&] {
    lock.emplace(RunFolder::reopen(options.folder));
    plan = read_seed_plan(options.folder);
    return with_exit_code(ExitCode::run_failed, [&] {
      return Document::parse(plan.config,
                             "the config in " + printable((options.folder / "seeds.json").string()));
    });
  });
  broadcast_value(cluster, plan.seeds);
  const Config config = with_exit_code(ExitCode::run_failed, [&] { return read_config(document); });
  Interruption interruption(Interruption::Work::to_come, !cluster.is_root());
  ThreadPool pool(options.threads);
  // Opened at once where all must: not every process may have a run left.
  std::optional<OpenedData> opened;
  if (cluster.size() > 1) opened = open_data(config.data, pool, voice, cluster);
  const auto data = [&](const DataSpec& spec) -> const OpenedData& {
    if (!opened) opened = open_data(spec, pool, voice);
    return *opened;
  };
  return static_cast<int>(SeedTrainings(document, config, data, pool, {{}, options.folder, std::move(lock)},
                                        plan.seeds, voice, interruption, cluster)
                              .run());
}

}  // namespace cnn
