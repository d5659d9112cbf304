// How a training is fitted into a time.
#include "catch.h"
#include "train/checkpoint.h"
#include "train/schedule.h"
#include "train/time_budget.h"

namespace cnn {
namespace {

constexpr std::int64_t kSteps = 100;  // of an epoch

TEST_CASE("a budget that holds all epochs changes nothing", "[train]") {
  TimeBudget budget(1000, 8, kSteps);
  budget.after_step(1, 10);  // 10 s an epoch
  CHECK(budget.epochs() == 8);
  for (int epoch = 1; epoch <= 8; ++epoch) budget.after_epoch(10 * epoch, 10, epoch);
  CHECK(budget.epochs() == 8);
  for (const std::int64_t t : {0, 1, 555, 799}) CHECK(budget.position(t) == static_cast<double>(t));
}

TEST_CASE("fewer epochs than written walk through the whole schedule, without a jump", "[train]") {
  TimeBudget budget(42, 8, kSteps);
  CHECK(budget.epochs() == 8);
  budget.after_step(0.1, 7);  // too little to judge by
  CHECK(budget.epochs() == 8);
  budget.after_step(1, 10);
  CHECK(budget.epochs() == 4);
  CHECK(budget.position(10) == 10);
  CHECK(budget.position(400) == Approx(800));
  budget.after_step(5, 11);  // only the first look plans within an epoch
  CHECK(budget.epochs() == 4);

  // Measuring costs time, too: three are left of 42 seconds.
  double before = budget.position(kSteps);
  budget.after_epoch(14, 14, 1);
  CHECK(budget.epochs() == 3);
  CHECK(budget.position(kSteps) == before);
  CHECK(budget.position(300) == Approx(800));
  // The machine is free again.
  before = budget.position(2 * kSteps);
  budget.after_epoch(19, 5, 2);
  CHECK(budget.epochs() == 6);
  CHECK(budget.position(2 * kSteps) == before);
  CHECK(budget.position(600) == Approx(800));
  const LearningRateSchedule cosine({.shape = CosineSchedule{}}, 8, kSteps);
  CHECK(cosine.factor(budget.position(600)) == Approx(0).margin(1e-9));
}

TEST_CASE("one epoch is trained in any case, and one that is over is never taken back", "[train]") {
  TimeBudget budget(1, 8, kSteps);
  budget.after_step(1, 10);
  CHECK(budget.epochs() == 1);
  budget.after_epoch(10, 10, 1);
  CHECK(budget.epochs() == 1);
  TimeBudget late(100, 8, kSteps);
  late.after_epoch(10, 10, 1);
  late.after_epoch(200, 190, 2);
  CHECK(late.epochs() == 2);
}

TEST_CASE("a run that is resumed with more time plans anew", "[train]") {
  TimeBudget first(25, 8, kSteps);
  first.after_epoch(10, 10, 1);
  first.after_epoch(20, 10, 2);
  CHECK(first.epochs() == 2);
  TimeBudget second(65, 8, kSteps);
  StateParts from, to;
  first.list_state(from), second.list_state(to);
  Checkpoint(from, {}).restore(to);
  second.go_on(2);
  CHECK(second.epochs() == 6);
  // The two epochs had walked through the whole schedule; now they are the first third of it.
  CHECK(second.position(2 * kSteps) == Approx(8 * kSteps * 2 / 6.0));
  CHECK(second.position(6 * kSteps) == Approx(8 * kSteps));
}

TEST_CASE("no epoch is added behind the end of the schedule", "[train]") {
  TimeBudget budget(25, 8, kSteps);
  budget.after_epoch(10, 10, 1);
  CHECK(budget.epochs() == 2);
  budget.after_epoch(11, 1, 2);  // the machine is much faster now, but the learning rate is 0
  CHECK(budget.epochs() == 2);
}

}  // namespace
}  // namespace cnn
