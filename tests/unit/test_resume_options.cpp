// Each option of a training that has a state, or that depends on the epoch, survives a kill within an epoch.
#ifdef CNN_FAULTS

#include <csignal>

#include "catch.h"
#include "resumed_runs.h"

namespace cnn {
namespace {

/// Kills the run at one of its operations on files, and resumes it with another number of threads.
void check_resume(const std::vector<std::string>& settings) {
  const Runs runs;
  std::vector<std::string> more{"--set", "training.epochs=3"};
  for (const std::string& setting : settings) more.insert(more.end(), {"--set", setting});
  const std::string count_file = runs.path("count").string();
  runs.require_success(runs.train_with_fault("", more, count_file));
  const std::string expected = runs.result("run");
  const int count = std::stoi(read_file(count_file));
  const ProgramResult killed = runs.train_with_fault("kill:" + std::to_string(count * 3 / 5), more);
  INFO(killed.description());
  REQUIRE(killed.signal == SIGKILL);
  const ProgramResult resumed = runs.resume("run", {"--threads", "2"});
  runs.require_success(resumed);
  CHECK_THAT(resumed.err, ContainsSubstring("goes on after") && !ContainsSubstring(" epochs and 0 of "));
  CHECK((runs.result("run") == expected));
}

TEST_CASE("optimizers and their averages are resumed bit for bit", "[resume]") {
  SECTION("muon") {
    check_resume(
        {R"(training.optimizer={"type": "muon", "learning_rate": 0.02, "normalize_weights": true, "others": {"type": "adam", "learning_rate": 0.004}})"});
  }
  SECTION("adamw") { check_resume({R"(training.optimizer={"type": "adamw", "learning_rate": 0.01})"}); }
  SECTION("sgd with clipped gradients") {
    check_resume(
        {R"(training.optimizer={"type": "sgd", "learning_rate": 0.1, "momentum": 0.9, "nesterov": true})",
         "training.clip_gradient_norm=0.5"});
  }
  SECTION("lookahead") { check_resume({R"(training.lookahead={"steps": 3, "final_alpha": 0.9})"}); }
  SECTION("weight_averaging") { check_resume({R"(training.weight_averaging={"decay": 0.8})"}); }
}

TEST_CASE("augmentation is resumed bit for bit", "[resume]") {
  SECTION("mixup, cutout and elastic") {
    check_resume(
        {R"(data.augment=[{"type": "elastic", "alpha": 3, "sigma": 2}, {"type": "cutout", "size": 3}, {"type": "mixup", "alpha": 0.4}])"});
  }
  SECTION("alternating flip") {
    check_resume({R"(data.augment=[{"type": "random_flip", "mode": "alternate"}])"});
  }
}

TEST_CASE("what changes in the course of a training is resumed bit for bit", "[resume]") {
  SECTION("trainable until an epoch") { check_resume({R"(network.0.trainable={"until_epoch": 2})"}); }
  SECTION("class weights") {
    check_resume({"training.class_weights=\"balanced\"", "training.label_smoothing=0.1"});
  }
  SECTION("early stopping") {
    check_resume(
        {R"(training.early_stopping={"patience": 2})", "training.epochs=6", "training.best=\"loss\""});
  }
  // A budget that does not hold all epochs depends on the clock, and promises nothing.
  SECTION("time enough") { check_resume({"training.max_minutes=60"}); }
}

}  // namespace
}  // namespace cnn

#endif
