// Every single operation on the files of a run fails once, or is the last one before a kill: nothing is lost.
#ifdef CNN_FAULTS

#include <csignal>

#include "catch.h"
#include "resumed_runs.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

ProgramResult train_with(const Runs& runs, const std::string& fault, const std::string& count_file = "") {
  return runs.train_with_fault(fault, {"--set", "training.checkpoint_steps=3"}, count_file);
}

/// Operations of a run that nothing happens to; its result is `expected`.
int operations(const Runs& runs, std::string& expected) {
  const std::string count = runs.path("count").string();
  runs.require_success(train_with(runs, "", count));
  expected = runs.result("run");
  return std::stoi(read_file(count));
}

/// One run with a fault at operation `number`, and its resume if it did not come to its end.
void check_fault(const Runs& runs, const std::string& kind, int number, const std::string& expected) {
  const ProgramResult result = train_with(runs, kind + ":" + std::to_string(number));
  INFO(kind << " at operation " << number << "\n" << result.description());
  const bool killed = kind == "kill" || kind == "torn";
  REQUIRE((killed ? result.signal == SIGKILL : result.exit_code == 0 || result.exit_code == 1));
  if (kind == "short") REQUIRE(result.exit_code == 0);
  if (result.exit_code == 1) CHECK_FALSE(result.err.empty());
  if (result.exit_code != 0) {
    // Before there is a config, the run had not begun.
    if (fs::exists(runs.path("run/config.json")))
      runs.require_success(runs.resume("run"));
    else
      runs.require_success(runs.train(runs.start("run", {"--set", "training.checkpoint_steps=3"})));
  }
  CHECK((runs.result("run") == expected));
}

TEST_CASE("a fault of the disk, or a kill between two operations, costs nothing", "[resume]") {
  const Runs runs;
  std::string expected;
  const int count = operations(runs, expected);
  REQUIRE(count > 50);
  for (int i = 0; i < 4; ++i)
    check_fault(runs, "kill", i, expected);  // before there is a config, and just after
  int number = 0;
  for (const char* kind : {"kill", "torn", "short", "enospc", "eio", "eacces"})
    for (int i = 0; i < 3; ++i) check_fault(runs, kind, (number += count / 18 + 1) % count, expected);
}

TEST_CASE("a monotonic clock that runs backwards does not end a training", "[resume]") {
  const Runs runs;
  const std::string expected = runs.expected({"--threads", "1"});
  ProgramOptions backwards;
  backwards.environment = {{"LD_PRELOAD", CNN_FAULTS}, {"CNN_CLOCK", "backwards"}};
  runs.require_success(runs.train(runs.start("run", {"--threads", "1"}), backwards));
  CHECK((runs.result("run") == expected));
}

TEST_CASE("every operation on the files of a run fails once, in every way", "[.][slow]") {
  const Runs runs;
  std::string expected;
  const int count = operations(runs, expected);
  for (const char* kind : {"kill", "torn", "short", "enospc", "eio", "eacces"})
    for (int number = 0; number < count; ++number) check_fault(runs, kind, number, expected);
}

TEST_CASE("a disk that is full for a while is said, and everything is written later", "[resume]") {
  const Runs runs;
  std::string expected;
  const int count = operations(runs, expected);
  const ProgramResult result = train_with(runs, "enospc:20:30");
  runs.require_success(result);
  CHECK_THAT(result.err, ContainsSubstring("No space left on device; the training continues"));
  CHECK((runs.result("run") == expected));

  const ProgramResult full = train_with(runs, "enospc:" + std::to_string(count / 2) + ":100000");
  INFO(full.description());
  CHECK(full.exit_code == 1);
  CHECK_THAT(full.err, ContainsSubstring("not everything could be saved"));
  CHECK_THAT(full.out, ContainsSubstring("best epoch"));  // what was trained is told all the same
  runs.require_success(runs.resume("run"));
  CHECK((runs.result("run") == expected));
}

}  // namespace
}  // namespace cnn

#endif
