// Numbers that stop being finite: found in the step where it happens, explained, and undone.
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "catch.h"
#include "kernels/finite.h"
#include "kernels/simd.h"
#include "network_fixture.h"
#include "resumed_runs.h"
#include "train/trainer.h"

namespace cnn {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

TEST_CASE("one number that is not finite is found among many", "[kernels]") {
  std::vector<float> values(1000, 3e38f);
  values[17] = -3.4e38f;
  values[18] = 1e-45f;
  for (const std::string& set : supported_instruction_sets()) {
    use_instruction_set(set);
    INFO("instruction set " << set);
    CHECK(all_finite(values));
    CHECK(all_finite(std::span<const float>()));
    for (const float bad : {kInfinity, -kInfinity, kNaN, -kNaN})
      for (std::size_t at = 0; at < values.size(); ++at) {
        std::vector<float> other = values;
        other[at] = bad;
        if (all_finite(std::span(other).subspan(at / 2))) FAIL_CHECK(bad << " at " << at << " was not seen");
      }
  }
  use_instruction_set(supported_instruction_sets().front());
}

/// One value a picture through two dense layers, so that every number can be set by hand.
struct Training {
  explicit Training(double learning_rate) : pool(2), network(layers(), {1, 1, 1}, 2, 4) {
    spec.epochs = 3;
    spec.batch_size = 4;
    spec.optimizer = SgdSpec{.learning_rate = learning_rate};
    set.labels = {0, 1, 0, 1, 0, 1, 0, 1};
    set.fill = [this](std::span<const std::int64_t> images, std::uint32_t, int, BlockView<float> x) {
      for (int lane = 0; lane < kLanes; ++lane)
        x.data[lane] = lane < static_cast<int>(images.size()) ? value : 0.0f;
      if (bad_fills > 0 && bad_fills-- > 0) x.data[0] = kNaN;
    };
    set.name = [](std::int64_t image) { return "image" + std::to_string(image); };
    network.initialize(1);
    trainer = std::make_unique<Trainer>(network, pool, spec, 1, set, nullptr);
  }
  static NetworkSpec layers() {
    NetworkSpec network =
        chain(FlattenSpec{}, DenseSpec{.units = 1, .control = {}}, DenseSpec{.units = 2, .control = {}});
    name_entries(network);
    return network;
  }
  void set_weights(const std::string& name, float to) {
    for (const Tensor& tensor : network.tensors())
      if (tensor.name == name) std::fill(tensor.values.begin(), tensor.values.end(), to);
  }
  std::vector<float> weights() const {
    std::vector<float> all;
    for (const Tensor& tensor : network.tensors())
      all.insert(all.end(), tensor.values.begin(), tensor.values.end());
    return all;
  }
  /// What the training dies of.
  PostMortem death() {
    try {
      trainer->run({}, stop);
    } catch (const NonFiniteError& error) {
      return error.post_mortem();
    }
    FAIL("the training came to its end");
    return {};
  }

  ThreadPool pool;
  Network network;
  TrainingSpec spec;
  ImageSet set;
  float value = 1;
  int bad_fills = 0;
  std::atomic<bool> stop{false};
  std::unique_ptr<Trainer> trainer;
};

TEST_CASE("a loss that is not finite: the first layer is named, and nothing has changed", "[train]") {
  Training training(0.1);
  training.bad_fills = 2;  // the step, and the look back at it
  const std::vector<float> before = training.weights();
  const PostMortem found = training.death();
  CHECK(found.cause == PostMortem::Cause::loss);
  CHECK(found.epoch == 1);
  CHECK(found.step == 1);
  CHECK(found.learning_rate == 0.1);
  CHECK(found.first_layer == "layer0");
  CHECK(found.first_tensor.empty());
  CHECK(found.images.size() == 4);
  CHECK(found.images[0].starts_with("image"));
  CHECK(found.layers[0].output.not_finite == 1);
  CHECK(found.layers[0].output.high == 1);
  CHECK(training.weights() == before);
  CHECK(training.trainer->is_finite());
  CHECK_THAT(to_text(found), ContainsSubstring("output of layer0: 1 .. 1, 1 not finite"));
  CHECK(nlohmann::json::parse(to_json(found))["cause"] == "loss");
}

TEST_CASE("a weight that is not finite is named before the layers that it spoils", "[train]") {
  Training training(0.1);
  training.set_weights("layer1.weight", kInfinity);
  const PostMortem found = training.death();
  CHECK(found.first_tensor == "layer1.weight");
  CHECK(found.first_layer == "layer1");
  CHECK_FALSE(training.trainer->is_finite());
}

TEST_CASE("a gradient that is not finite: found although the loss is", "[train]") {
  Training training(0.1);
  training.value = 1e30f;
  training.set_weights("layer1.weight", 1e-7f);
  training.set_weights("layer1.bias", 0);
  training.set_weights("layer2.weight", 1e10f);  // d loss / d layer1.weight = 1e40 times what is left of dy
  for (const Tensor& tensor : training.network.tensors())
    if (tensor.name == "layer2.weight") tensor.values[1] = -1e10f;
  const std::vector<float> before = training.weights();
  const PostMortem found = training.death();
  CHECK(found.cause == PostMortem::Cause::gradient);
  CHECK(found.first_layer.empty());
  CHECK(found.first_tensor == "layer1.weight");
  CHECK(training.weights() == before);
}

TEST_CASE("a step that makes a weight infinite is found in that step", "[train]") {
  Training training(3e38);
  training.value = 1e3f;
  training.set_weights("layer1.weight", 1);
  training.set_weights("layer2.weight", 1e-3f);
  const PostMortem found = training.death();
  CHECK(found.cause == PostMortem::Cause::weight);
  CHECK(found.step == 1);
  CHECK_FALSE(found.first_tensor.empty());
  CHECK_THAT(found.beginning(), ContainsSubstring("so large that it is not finite"));
}

TEST_CASE("a rollback goes on from the checkpoint with half the learning rate, and remembers it", "[train]") {
  Training training(0.1);
  std::optional<Checkpoint> checkpoint;
  const auto state = [](Trainer& trainer) {
    StateParts parts;
    trainer.list_state(parts);
    return Checkpoint(parts, {});
  };
  TrainingEvents events;
  events.on_state = [&](bool epoch_ended) {
    if (epoch_ended && !checkpoint) {
      checkpoint.emplace(state(*training.trainer));
      training.bad_fills = 1;
    }
  };
  CHECK_THROWS_AS(training.trainer->run(events, training.stop), NonFiniteError);
  training.trainer->roll_back(*checkpoint);
  CHECK(training.trainer->rollbacks() == 1);
  CHECK(training.trainer->learning_rate(0) == 0.05);
  CHECK(training.trainer->run(events, training.stop) == Trainer::Outcome::finished);
  CHECK(training.trainer->history()[0].learning_rate == 0.1);
  CHECK(training.trainer->history()[2].learning_rate == 0.05);

  Training other(0.1);
  other.trainer->restore(state(*training.trainer));
  CHECK(other.trainer->rollbacks() == 1);
  CHECK(other.trainer->learning_rate(0) == 0.05);
  CHECK(other.trainer->finished());
  CHECK(other.weights() == training.weights());
}

TEST_CASE("a run that diverges stops with a post-mortem and its last good model", "[cli]") {
  const Runs runs;
  const ProgramResult result = runs.train(
      runs.start("run", {"--set", "training.optimizer={\"type\":\"sgd\",\"learning_rate\":1e30}"}));
  INFO(result.description());
  CHECK(result.exit_code == 1);
  CHECK_THAT(result.err, ContainsSubstring("is not finite in epoch 1, step") &&
                             ContainsSubstring("images of the batch: ") &&
                             ContainsSubstring("images.idx.gz#"));
  const auto json = nlohmann::json::parse(read_file(runs.path("run/post_mortem.json")));
  CHECK(json["epoch"] == 1);
  CHECK(json["images"].size() == 8);
  CHECK(json["tensors"].size() == 8);
  CHECK(json["learning_rate"].get<double>() > 0);
}

TEST_CASE("on_non_finite rollback tries three times, and says so", "[cli]") {
  const Runs runs;
  const ProgramResult result = runs.train(
      runs.start("run", {"--set", "training.optimizer={\"type\":\"sgd\",\"learning_rate\":1e30}", "--set",
                         "training.on_non_finite=rollback", "--set", "training.checkpoint_steps=0"}));
  INFO(result.description());
  CHECK(result.exit_code == 1);
  CHECK_THAT(result.err, ContainsSubstring("half the learning rate (1 of 3)") &&
                             ContainsSubstring("half the learning rate (3 of 3)"));
  // That three were tried is part of the state: a resume does not begin to count anew.
  const ProgramResult again = runs.resume("run");
  INFO(again.description());
  CHECK(again.exit_code == 1);
  CHECK(again.err.find("half the learning rate") == std::string::npos);
}

}  // namespace
}  // namespace cnn
