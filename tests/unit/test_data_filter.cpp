// Data filtering: which images a proxy network leaves to the training, and that a run with it keeps all
// promises.
#include <cmath>
#include <csignal>
#include <nlohmann/json.hpp>

#include "catch.h"
#include "core/error.h"
#include "network_fixture.h"
#include "resumed_runs.h"
#include "train/data_filter.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;
using Images = std::vector<std::int64_t>;

TEST_CASE("a filter keeps the hardest of every class, at least one image", "[train]") {
  const std::vector<std::int32_t> labels{0, 0, 0, 0, 0, 1, 1, 3};
  const std::vector<double> losses{0.1, 0.9, 0.5, 0.7, 0.2, 5, 6, 0.01};
  CHECK(hardest_images(labels, losses, 0.5) == Images{1, 2, 3, 6, 7});  // 2.5 of five is three
  CHECK(hardest_images(labels, losses, 0.4) == Images{1, 3, 6, 7});
  CHECK(hardest_images(labels, losses, 0.01) == Images{1, 6, 7});
  CHECK(hardest_images(labels, std::vector<double>(8, 1.0), 0.5) == Images{0, 1, 2, 5, 7});
}

TEST_CASE("what a filter keeps survives as text, and damaged text is refused", "[train]") {
  const Images kept{0, 2, 3};
  CHECK(to_text(kept, 5) == "10110");
  CHECK(to_kept_images("10110", 5, "x") == kept);
  for (const char* damaged : {"1011", "101100", "00000", "10120", ""})
    CHECK_THROWS_AS(to_kept_images(damaged, 5, "x"), Error);
}

TEST_CASE("some images of a set are filled as in the whole set", "[train]") {
  ImageSet set;
  set.labels = {5, 6, 7, 8};
  set.fill = [](std::span<const std::int64_t> images, std::uint32_t epoch, int, BlockView<float> x) {
    for (std::size_t lane = 0; lane < images.size(); ++lane)
      x.data[lane] = static_cast<float>(10 * static_cast<std::int64_t>(epoch) + images[lane]);
  };
  Images asked;
  set.will_need = [&](std::span<const std::int64_t> images) { asked.assign(images.begin(), images.end()); };
  set.name = [](std::int64_t image) { return std::to_string(image); };
  set.mixup_alpha = 0.5;
  const ImageSet some = some_images(set, {1, 3});
  CHECK(some.labels == std::vector<std::int32_t>{6, 8});
  CHECK(some.name(1) == "3");
  CHECK(some.mixup_alpha == 0.5);
  AlignedBuffer x(kLanes);
  const Images both{1, 0};
  some.fill(both, 2, 0, {x.data(), 1, 1, 1, 1, 1});
  CHECK(x.data()[0] == 23);
  CHECK(x.data()[1] == 21);
  some.will_need(both);
  CHECK(asked == Images{3, 1});
}

TEST_CASE("an image that the proxy network never saw is kept", "[train]") {
  NetworkSpec network_spec = chain(dense(2));
  name_entries(network_spec);
  ThreadPool pool(1);
  Network network(network_spec, {1, 1, 1}, 2, 4);
  ImageSet set;
  set.labels = {0, 1, 0, 1, 0, 1};
  set.fill = [](std::span<const std::int64_t>, std::uint32_t, int, BlockView<float> x) {
    std::fill_n(x.data, kLanes, 1.0f);
  };
  TrainingSpec spec;
  spec.epochs = 3;
  spec.batch_size = 4;
  spec.shuffle = false;
  spec.drop_last = true;
  spec.optimizer = SgdSpec{.learning_rate = 0};
  // With zeros for weights and nothing learned, every loss is that of a coin.
  const std::optional<ProxyResult> result =
      train_proxy(network, pool, spec, 1, set, {}, std::atomic<bool>(false));
  REQUIRE(result);
  for (std::size_t i = 0; i < 4; ++i) CHECK(result->losses[i] == Approx(std::log(2.0)));
  for (std::size_t i = 4; i < 6; ++i) CHECK(std::isinf(result->losses[i]));
}

/// Runs with a filter, class weights, early stopping and mixup.
class FilteredRuns : public Runs {
 public:
  FilteredRuns() {
    using Json = nlohmann::json;
    Json config = Json::parse(kResumedConfig);
    config["data"]["augment"].push_back({{"type", "mixup"}, {"alpha", 0.3}});
    config["training"]["class_weights"] = "balanced";
    config["training"]["early_stopping"] = {{"patience", 9}};
    config["training"]["filter"] = Json::parse(R"({
      "proxy": [
        {"type": "conv", "out_channels": 2, "kernel_size": 3, "stride": 2},
        {"type": "batch_norm", "activation": "relu"},
        {"type": "flatten"},
        {"type": "dense", "units": 10}
      ],
      "epochs": 3,
      "keep": 0.6
    })");
    write_file_atomically(path("config.json"), config.dump(1));
  }
};

TEST_CASE("a filtered training says what it keeps, and does not depend on threads", "[cli]") {
  const FilteredRuns runs;
  const std::string expected = runs.expected({"--threads", "1"});
  const std::string log = read_file(runs.path("undisturbed/train.log"));
  CHECK_THAT(log, ContainsSubstring("a proxy network is trained first, for 3 epochs"));
  CHECK_THAT(log, ContainsSubstring("filter: the proxy network took") &&
                      ContainsSubstring("accuracy in its last epoch; kept") && ContainsSubstring("0 2 of 3"));
  runs.require_success(runs.train(runs.start("run", {"--threads", "3"})));
  CHECK((runs.result("run") == expected));
  // The choice is the proxy's, not that of the images that stand in for it until then.
  runs.require_success(runs.train(runs.start("other", {"--set", "training.filter.proxy.0.out_channels=3"})));
  CHECK((read_file(runs.path("other/last.safetensors")) !=
         read_file(runs.path("undisturbed/last.safetensors"))));
}

TEST_CASE("--dry-run tells about a filter, and writes nothing", "[cli]") {
  const FilteredRuns runs;
  const ProgramResult result = runs.train(runs.start("run", {"--dry-run"}));
  runs.require_success(result);
  CHECK_THAT(result.err, ContainsSubstring("a proxy network is trained first"));
  CHECK_THAT(result.out, ContainsSubstring("before that, the filter's proxy network: 3 epochs"));
  CHECK_FALSE(fs::exists(runs.path("run")));
}

TEST_CASE("a signal ends the proxy network's training", "[cli]") {
  const FilteredRuns runs;
  RunningProgram program(program_path("cnn-train"),
                         runs.start("run", {"--set", "training.filter.epochs=1000000"}));
  REQUIRE(program.wait_for_stderr("a proxy network is trained first"));
  program.send(SIGINT);
  const ProgramResult result = program.wait();
  INFO(result.description());
  CHECK(result.exit_code == 130);
  CHECK_THAT(result.err, ContainsSubstring("interrupted before the proxy network was done"));
  CHECK_FALSE(fs::exists(runs.path("run/checkpoint")));
}

TEST_CASE("mistakes in a proxy network are told with their place", "[cli]") {
  const Runs runs;
  nlohmann::json config = nlohmann::json::parse(kResumedConfig);
  const auto with = [&](const char* filter, int code, const std::string& message) {
    config["training"]["filter"] = nlohmann::json::parse(filter);
    write_file_atomically(runs.path("config.json"), config.dump(1));
    const ProgramResult result = runs.train(runs.start("run"));
    INFO(result.description());
    CHECK(result.exit_code == code);
    CHECK_THAT(result.err, ContainsSubstring(message));
  };
  with(R"({"keep": 0.5})", 2, "/training/filter/proxy: missing");
  // 35 training images: batches of 17 leave one.
  config["training"]["batch_size"] = 17;
  with(
      R"({"proxy": [{"type": "flatten"}, {"type": "dense", "units": 10}, {"type": "batch_norm"}], "keep": 0.5})",
      2, "the proxy network of training.filter: batch_norm1 normalizes single values");
  CHECK_FALSE(fs::exists(runs.path("run")));
  config["training"]["batch_size"] = 8;
  with(R"({"proxy": [], "keep": 0.5})", 2, "/training/filter/proxy: found");
  with(R"({"proxy": [{"type": "flatten"}, {"type": "dense", "units": 9}]})", 2,
       "/training/filter/proxy/1: the network outputs 9 values");
  with(R"({"proxy": [{"type": "flatten", "name": "a"}, {"type": "dense", "units": 10, "name": "a"}]})", 2,
       "/training/filter/proxy/1/name");
  with(R"({"proxy": [{"type": "flatten"}, {"type": "dense", "units": 10}], "keep": 1})", 2,
       "/training/filter/keep: found 1, expected");
  CHECK_FALSE(fs::exists(runs.path("run")));
  config["training"]["optimizer"]["learning_rate"] = 1e38;
  with(R"({"proxy": [{"type": "flatten"}, {"type": "dense", "units": 10}]})", 1,
       "the proxy network of training.filter: ");
}

#ifdef CNN_FAULTS
TEST_CASE("a filtered training goes on with the images that were chosen", "[cli]") {
  const FilteredRuns runs;
  const std::string count_file = runs.path("count").string();
  runs.require_success(runs.train_with_fault("", {}, count_file));
  const std::string expected = runs.result("run");
  const int count = std::stoi(read_file(count_file));
  // Just after the config: there is no checkpoint yet, and the proxy network is trained again.
  for (const int number : {8, count / 3, 2 * count / 3}) {
    const ProgramResult killed = runs.train_with_fault("kill:" + std::to_string(number), {});
    INFO("operation " << number << " of " << count << "\n" << killed.description());
    REQUIRE(killed.signal == SIGKILL);
    const ProgramResult resumed = runs.resume("run", {"--threads", "3"});
    runs.require_success(resumed);
    if (number > 8) {
      CHECK_THAT(resumed.err, ContainsSubstring("filter: keeps"));
      CHECK_THAT(resumed.err, !ContainsSubstring("the proxy network took"));
    }
    CHECK((runs.result("run") == expected));
  }
  const ProgramResult changed = runs.resume("run", {"--set", "training.filter.keep=0.7"});
  CHECK(changed.exit_code == 2);
  CHECK_THAT(changed.err, ContainsSubstring("training.filter.keep was 0.6 and is 0.7"));
}
#endif

}  // namespace
}  // namespace cnn
