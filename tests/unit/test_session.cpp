// Whole trainings in this process, on images that are made here: what a run leaves, and how it comes through
// numbers that are not finite, signals and resumes.
#include <spdlog/sinks/ostream_sink.h>

#include <csignal>
#include <functional>
#include <limits>
#include <sstream>

#include "catch.h"
#include "core/file.h"
#include "session/image_filter.h"
#include "session/resume.h"
#include "session/seeds.h"
#include "session/training_run.h"
#include "temporary_folder.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

/// 6x6 pixels: class 0 is bright at the left, class 1 at the right.
class Halves final : public Dataset {
 public:
  explicit Halves(std::int64_t images, std::function<bool()> spoils = {})
      : images_(images), spoils_(std::move(spoils)) {}

  std::int64_t size() const override { return images_; }
  int channels() const override { return 1; }
  int height() const override { return kSide; }
  int width() const override { return kSide; }
  PixelType pixel_type() const override { return PixelType::floats; }
  const std::vector<std::string>& classes() const override { return classes_; }
  int label(std::int64_t index) const override { return static_cast<int>(index % 2); }
  std::string name(std::int64_t index) const override { return "half#" + std::to_string(index); }
  const std::byte* pixels(std::int64_t index, std::vector<std::byte>& scratch) const override {
    std::vector<float> values(kSide * kSide);
    for (int i = 0; i < kSide * kSide; ++i) {
      const bool bright = (i % kSide >= kSide / 2) == (label(index) == 1);
      values[static_cast<std::size_t>(i)] =
          bright ? 0.6f + 0.01f * static_cast<float>((index + i) % 30) : 0.2f;
    }
    if (spoils_ && spoils_()) values[0] = std::numeric_limits<float>::quiet_NaN();
    scratch.resize(values.size() * sizeof(float));
    std::memcpy(scratch.data(), values.data(), scratch.size());
    return scratch.data();
  }

 private:
  static constexpr int kSide = 6;
  const std::int64_t images_;
  const std::function<bool()> spoils_;
  const std::vector<std::string> classes_{"left", "right"};
};

/// A set of a config as open_data() gives it.
OpenedData halves(std::int64_t images, std::function<bool()> spoils = {}) {
  OpenedData opened;
  opened.train = std::make_shared<Halves>(images, std::move(spoils));
  opened.validation = std::make_shared<Halves>(10);
  opened.test = std::make_shared<Halves>(6);
  std::uint64_t number = 0;
  const auto print = [&](const Dataset& set, std::vector<Fingerprint>& prints) {
    for (std::int64_t i = 0; i < set.size(); ++i) prints.push_back({++number, 0});
  };
  print(*opened.train, opened.train_prints);
  print(*opened.validation, opened.validation_prints);
  print(*opened.test, opened.test_prints);
  return opened;
}

Document document(const std::string& training = "") {
  return Document::parse(R"({
    "name": "halves",
    "data": {"format": "folder", "train": "/halves/train", "validation": "/halves/validation",
             "test": "/halves/test", "image": {"channels": 1, "height": 6, "width": 6},
             "normalize": {"mean": [0.5], "std": [0.25]}},
    "network": [{"type": "conv", "out_channels": 3, "kernel_size": 3, "activation": "relu"},
                {"type": "flatten"}, {"type": "dropout", "p": 0.1}, {"type": "dense", "units": 2}],
    "training": {"epochs": 3, "batch_size": 8, )" +
                             training + R"(
                 "optimizer": {"type": "adam", "learning_rate": 0.01}}})",
                         "halves.json");
}

/// A training in a folder of its own, and what it said.
class Session {
 public:
  Session() {
    const auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(said_);
    sink->set_pattern("%v");
    voice_ = Voice::into(std::make_shared<spdlog::logger>("test", sink));
  }

  TrainingOutcome train(const OpenedData& opened, const Document& document) {
    TrainingSetup setup(document, read_config(document), opened, pool_);
    Interruption interruption;
    return cnn::train(setup, claim(), voice_, interruption);
  }
  std::optional<TrainingOutcome> resume(const OpenedData& opened, std::vector<std::string> overrides = {}) {
    ResumeOptions options;
    options.folder = run();
    options.overrides = std::move(overrides);
    Interruption interruption;
    const auto data = [&](const DataSpec&) -> const OpenedData& { return opened; };
    return resume_run(options, data, pool_, voice_, interruption);
  }

  fs::path run() const { return folder_.path() / "run"; }
  ClaimFolder claim() const {
    return [path = run()] { return RunFolder::claim(path, ""); };
  }
  fs::path file(const char* name) const { return run() / name; }
  std::string said() const { return said_.str(); }
  ThreadPool& pool() { return pool_; }
  Voice& voice() { return voice_; }

  /// True at the first question after the first epoch's files are written.
  std::function<bool()> once_in_second_epoch() {
    return [this, done = std::make_shared<bool>(false)] {
      if (*done || !fs::exists(file("last.safetensors"))) return false;
      return *done = true;
    };
  }

 private:
  TemporaryFolder folder_;
  ThreadPool pool_{1};
  std::ostringstream said_;
  Voice voice_{true};
};

TEST_CASE("a training goes from data to a run folder, and tells what its log tells", "[session]") {
  Session session;
  const TrainingOutcome outcome = session.train(halves(32), document());
  CHECK(outcome.code == ExitCode::done);
  REQUIRE(outcome.test);
  CHECK(outcome.test->images == 6);
  CHECK(outcome.best.validation->images == 10);
  CHECK_THAT(outcome.summary, ContainsSubstring("best epoch ") && ContainsSubstring(", test accuracy "));
  CHECK_THAT(
      session.said(),
      ContainsSubstring("halves: 2 classes (left, right), 32 training images, 10 for validation, 6 for "
                        "the test at the end") &&
          ContainsSubstring("epoch 3/3"));
  const std::string log = read_file(session.file("train.log"));
  CHECK_THAT(log, ContainsSubstring("epoch 3/3") && ContainsSubstring(outcome.summary));
  CHECK_THAT(log, ContainsSubstring("  time: ") && ContainsSubstring(", files "));
  for (const char* name : {"config.json", "metrics.csv", "best.safetensors", "last.safetensors",
                           "result.json", "evaluation.json", "report.html", "train_batch.png"})
    CHECK(fs::exists(session.file(name)));
}

TEST_CASE("a training that goes back after a number that is not finite comes to its end", "[session]") {
  Session session;
  const OpenedData opened = halves(32, session.once_in_second_epoch());
  const TrainingOutcome outcome = session.train(opened, document(R"("on_non_finite": "rollback",)"));
  CHECK(outcome.code == ExitCode::done);
  CHECK(outcome.best.epoch > 0);
  CHECK_THAT(
      session.said(),
      ContainsSubstring("warning: went back to 1 epochs and 0 steps; continues with half the learning rate "
                        "(1 of 3)") &&
          !ContainsSubstring("(2 of 3)"));
  CHECK(fs::exists(session.file("post_mortem.json")));
}

TEST_CASE("without a rollback the same number ends the training, and what was good is kept", "[session]") {
  Session session;
  const TrainingOutcome outcome = session.train(halves(32, session.once_in_second_epoch()), document());
  CHECK(outcome.code == ExitCode::run_failed);
  CHECK_THAT(session.said(), ContainsSubstring("everything up to there is saved") &&
                                 ContainsSubstring("\"rollback\" tries smaller rates by itself"));
  // Goes on from there, now that the number is finite.
  const auto resumed = session.resume(halves(32));
  REQUIRE(resumed);
  CHECK(resumed->code == ExitCode::done);
  CHECK_THAT(session.said(), ContainsSubstring("goes on after 1 epochs and 0 of 4 steps"));
}

TEST_CASE("an interrupted training is resumed with the bits of one that was not", "[session]") {
  Session undisturbed, session;
  CHECK(undisturbed.train(halves(32), document()).code == ExitCode::done);
  const auto once = session.once_in_second_epoch();
  const TrainingOutcome interrupted = session.train(halves(32,
                                                           [&] {
                                                             if (once()) std::raise(SIGINT);
                                                             return false;
                                                           }),
                                                    document());
  CHECK(interrupted.code == ExitCode::interrupted);
  CHECK_THAT(session.said(),
             ContainsSubstring("interrupted after 1 whole epoch; go on with: cnn-train --resume"));
  const auto resumed = session.resume(halves(32));
  REQUIRE(resumed);
  CHECK(resumed->code == ExitCode::done);
  for (const char* name : {"best.safetensors", "last.safetensors", "evaluation.json"})
    CHECK((read_file(session.file(name)) == read_file(undisturbed.file(name))));
  CHECK_FALSE(session.resume(halves(32)));  // nothing is left to do
}

TEST_CASE("a training is not resumed on other data, nor with a change that breaks its meaning", "[session]") {
  Session session;
  CHECK(session.train(halves(32), document()).code == ExitCode::done);
  CHECK_THROWS_WITH(session.resume(halves(30), {"training.epochs=4"}),
                    ContainsSubstring("the data has changed since this run began"));
  CHECK_THROWS_WITH(session.resume(halves(32), {"training.batch_size=4", "training.epochs=4"}),
                    ContainsSubstring("training.batch_size was 8 and is 4"));
}

TEST_CASE("several seeds: only the first one tells about the data, and none gives advice", "[session]") {
  Session session;
  const Document text = document();
  const OpenedData opened = halves(32);
  const Config config = read_config(text);
  Interruption interruption;
  CHECK(train_seeds(text, config, opened, session.pool(), session.claim(), 2, session.voice(),
                    interruption) == ExitCode::done);
  const std::string said = session.said();
  CHECK(said.find("halves: 2 classes") != std::string::npos);
  CHECK(said.find("halves: 2 classes") == said.rfind("halves: 2 classes"));
  for (const char* name : {"seeds.json", "seed-1/result.json", "seed-2/result.json"})
    CHECK(fs::exists(session.file(name)));
  CHECK_THAT(read_file(session.file("seed-2/train.log")), ContainsSubstring("halves: 2 classes"));
  CHECK(is_folder_of_seeds(session.run()));
  CHECK_FALSE(is_folder_of_seeds(session.file("seed-1")));
}

TEST_CASE("a filter trains on the share of each class that was hard", "[session]") {
  Session session;
  const Document text = document(
      R"("filter": {"epochs": 1, "keep": 0.5, "proxy": [{"type": "flatten"}, {"type": "dense", "units": 2}]},)");
  TrainingSetup setup(text, read_config(text), halves(32), session.pool());
  CHECK(setup.proxy() != nullptr);
  CHECK(setup.data().train.size() == 16);  // the first of each class stand in
  Interruption interruption;
  CHECK(train(setup, session.claim(), session.voice(), interruption).code == ExitCode::done);
  CHECK(setup.proxy() == nullptr);
  CHECK(setup.kept().size() == 16);
  CHECK(kept_by_class(setup) == "16 of 32 training images: left 8 of 16, right 8 of 16");
}

}  // namespace
}  // namespace cnn
