#include <signal.h>

#include "catch.h"
#include "run_program.h"
#include "temporary_folder.h"

namespace cnn {
namespace {

ProgramResult run_shell(const std::string& script, const ProgramOptions& options = {}) {
  return run_program("/bin/sh", {"-c", script}, options);
}

TEST_CASE("a program's exit code and both outputs come back", "[run_program]") {
  const ProgramResult result = run_shell("echo one; echo two >&2; exit 3");
  CHECK(result.exit_code == 3);
  CHECK(result.signal == 0);
  CHECK_FALSE(result.timed_out);
  CHECK(result.out == "one\n");
  CHECK(result.err == "two\n");
}

TEST_CASE("more output than a pipe holds comes back whole", "[run_program]") {
  const ProgramResult result = run_shell("head -c 300000 /dev/zero; head -c 400000 /dev/zero >&2");
  CHECK(result.out.size() == 300000);
  CHECK(result.err.size() == 400000);
}

TEST_CASE("a program sees its environment, folder, arguments and an empty input", "[run_program]") {
  TemporaryFolder folder;
  ::setenv("CNN_TEST_INHERITED", "old", 1);
  const ProgramResult result =
      run_shell("echo $CNN_TEST_NEW $CNN_TEST_INHERITED; pwd -P; cat",
                {{{"CNN_TEST_NEW", "a b"}, {"CNN_TEST_INHERITED", "new"}}, folder.path()});
  CHECK(result.out == "a b new\n" + std::filesystem::canonical(folder.path()).string() + "\n");
  CHECK(run_program("/bin/echo", {"", "x y", "*"}).out == " x y *\n");
}

TEST_CASE("a program that takes too long is killed", "[run_program]") {
  const ProgramResult result = run_program("/bin/sleep", {"60"}, {{}, {}, std::chrono::milliseconds(100)});
  CHECK(result.timed_out);
  CHECK(result.signal == SIGKILL);
  CHECK(result.exit_code == -1);
  CHECK_THAT(result.description(), ContainsSubstring("out of time"));
}

TEST_CASE("a signal reaches a running program", "[run_program]") {
  RunningProgram program("/bin/sh", {"-c",
                                     "trap 'echo caught; exit 130' INT; echo ready >&2; while :; do sleep "
                                     "0.01; done"});
  REQUIRE(program.wait_for_stderr("ready"));
  program.send(SIGINT);
  const ProgramResult result = program.wait();
  CHECK(result.exit_code == 130);
  CHECK(result.out == "caught\n");
  CHECK(result.err == "ready\n");
}

TEST_CASE("waiting for words that never come ends with the program", "[run_program]") {
  RunningProgram program("/bin/sh", {"-c", "echo something else >&2; exec 2>&-; exit 4"});
  CHECK_FALSE(program.wait_for_stderr("ready"));
  CHECK(program.wait().exit_code == 4);
}

TEST_CASE("a program ended by a signal has no exit code", "[run_program]") {
  const ProgramResult result = run_shell("kill -TERM $$");
  CHECK(result.signal == SIGTERM);
  CHECK(result.exit_code == -1);
}

TEST_CASE("a program that is not there is an error, not an exit code", "[run_program]") {
  CHECK_THROWS_WITH(run_program("/nowhere/cnn-train", {}),
                    ContainsSubstring("/nowhere/cnn-train") && ContainsSubstring("No such file"));
}

}  // namespace
}  // namespace cnn
