// When a training ends by itself, and what counts as better.
#include "catch.h"
#include "network_fixture.h"
#include "train/trainer.h"

namespace cnn {
namespace {

/// Images of one white pixel, so that a linear model only learns how frequent class 1 is: `ones` of `count`.
ImageSet white_pixels(int count, int ones) {
  ImageSet set;
  for (int i = 0; i < count; ++i) set.labels.push_back(i < ones ? 1 : 0);
  set.fill = [](std::span<const std::int64_t> images, std::uint32_t, int, BlockView<float> x) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) x.data[lane] = lane < images.size() ? 1.0f : 0.0f;
  };
  return set;
}

/// A training that moves from "always class 0" to the 3 of 5 of class 1 in its training images, while 9 of 20
/// validation images are of class 1. In the third epoch class 1 becomes the likelier one: fewer validation
/// images are right from there on, but with less confidence in the wrong ones their loss is the least.
struct Drift {
  static constexpr int kBestByAccuracy = 2, kBestByLoss = 3;

  ThreadPool pool{1};
  Network network;
  TrainingSpec spec;
  const ImageSet train = white_pixels(5, 3), validation = white_pixels(20, 9);
  std::optional<Trainer> trainer;
  std::atomic<bool> stop{false};

  Drift(BestBy best, int patience) : network(named(chain(dense(2))), {1, 1, 1}, 2, 5) {
    std::ranges::fill(network.parameters(), 0.0f);
    network.find("layer0.bias")->values[0] = 6;
    spec.epochs = 10;
    spec.batch_size = 5;
    spec.optimizer = SgdSpec{.learning_rate = 1};
    spec.best = best;
    spec.early_stopping = EarlyStoppingSpec{.patience = patience};
    trainer.emplace(network, pool, spec, 1, train, &validation);
  }
  static NetworkSpec named(NetworkSpec spec) {
    name_entries(spec);
    return spec;
  }
  int best() const { return best_of(trainer->history()).epoch; }
};

TEST_CASE("early stopping waits `patience` epochs for a better one, by accuracy or by loss", "[train]") {
  for (const int patience : {1, 2, 4}) {
    INFO("patience " << patience);
    Drift by_accuracy(BestBy::accuracy, patience), by_loss(BestBy::loss, patience);
    CHECK(by_accuracy.trainer->run({}, by_accuracy.stop) == Trainer::Outcome::finished);
    CHECK(by_loss.trainer->run({}, by_loss.stop) == Trainer::Outcome::finished);
    CHECK(by_accuracy.best() == Drift::kBestByAccuracy);
    CHECK(by_loss.best() == Drift::kBestByLoss);
    for (const auto* drift : {&by_accuracy, &by_loss}) {
      CHECK(drift->trainer->epochs_done() == drift->best() + patience);
      CHECK(drift->trainer->out_of_patience());
    }
  }
}

TEST_CASE("a training that has more patience than epochs is done with these", "[train]") {
  Drift drift(BestBy::accuracy, 9);
  CHECK(drift.trainer->run({}, drift.stop) == Trainer::Outcome::finished);
  CHECK(drift.trainer->epochs_done() == 10);
  CHECK_FALSE(drift.trainer->out_of_patience());
}

TEST_CASE("patience goes on after a resume", "[train]") {
  Drift whole(BestBy::accuracy, 3);
  whole.trainer->run({}, whole.stop);
  for (int epochs = 1; epochs < whole.trainer->epochs_done(); ++epochs) {
    INFO("interrupted after " << epochs << " epochs");
    Drift first(BestBy::accuracy, 3), second(BestBy::accuracy, 3);
    TrainingEvents events;
    events.on_epoch = [&](const EpochResult& result) { first.stop = result.epoch == epochs; };
    REQUIRE(first.trainer->run(events, first.stop) == Trainer::Outcome::interrupted);
    StateParts state;
    first.trainer->list_state(state);
    second.trainer->restore(Checkpoint(state, {}));
    CHECK(second.trainer->run({}, second.stop) == Trainer::Outcome::finished);
    CHECK(second.trainer->epochs_done() == whole.trainer->epochs_done());
    CHECK(second.best() == whole.best());
    CHECK(std::ranges::equal(second.network.parameters(), whole.network.parameters()));
  }
}

}  // namespace
}  // namespace cnn
