// Several programs that want a folder at once: creating it is the claim.
#include <chrono>
#include <csignal>
#include <memory>
#include <set>
#include <thread>

#include "catch.h"
#include "core/error.h"
#include "resumed_runs.h"
#include "train/run_folder.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

/// Starts a command line of cnn-train many times at once, in one folder.
std::vector<ProgramResult> at_once(const Runs& runs, int count, const std::vector<std::string>& arguments) {
  ProgramOptions options;
  options.working_folder = runs.path("");
  std::vector<std::unique_ptr<RunningProgram>> programs;
  for (int i = 0; i < count; ++i)
    programs.push_back(std::make_unique<RunningProgram>(program_path("cnn-train"), arguments, options));
  std::vector<ProgramResult> results;
  for (const auto& program : programs) results.push_back(program->wait());
  return results;
}

/// What stands behind "<label>: " in the output, to the end of its line.
std::string said(const ProgramResult& result, const std::string& label) {
  const std::size_t at = result.out.find(label + ": ");
  if (at == std::string::npos) return "";
  const std::size_t begin = at + label.size() + 2;
  return result.out.substr(begin, result.out.find('\n', begin) - begin);
}

TEST_CASE("trainings, sweeps and seeds that start at once each get a folder of their own", "[cli]") {
  struct Kind {
    std::vector<std::string> more;
    const char *label, *folder, *file;
  };
  const Kind kind = GENERATE(Kind{{}, "model", "resumed", "best.safetensors"},
                             Kind{{"--find-lr=20"}, "report", "resumed-lr", "report.html"},
                             Kind{{"--seeds", "2"}, "summary", "resumed", "seeds.json"});
  const Runs runs;
  std::vector<std::string> arguments = {"--config", "config.json", "--quiet", "--threads", "1"};
  arguments.insert(arguments.end(), kind.more.begin(), kind.more.end());
  std::set<std::string> told;
  constexpr int kPrograms = 8;
  for (const ProgramResult& result : at_once(runs, kPrograms, arguments)) {
    INFO(result.description());
    CHECK(result.exit_code == 0);
    CHECK(fs::exists(runs.path(said(result, kind.label))));
    told.insert(said(result, kind.label));
  }
  std::set<std::string> expected;
  for (int n = 1; n <= kPrograms; ++n)
    expected.insert("runs/" + std::string(kind.folder) + "-" + std::to_string(n) + "/" + kind.file);
  CHECK(told == expected);
}

TEST_CASE("of several that want one --run-dir, one has it, and the others leave it alone", "[cli]") {
  const Runs runs;
  int trained = 0;
  for (const ProgramResult& result : at_once(runs, 6, runs.start("run", {"--quiet", "--threads", "1"}))) {
    INFO(result.description());
    if (result.exit_code == 0) {
      ++trained;
      continue;
    }
    CHECK(result.exit_code == 2);
    CHECK_THAT(result.err, ContainsSubstring("another program is training into this folder") ||
                               ContainsSubstring("is not empty"));
  }
  CHECK(trained == 1);
  CHECK(runs.result("run") == runs.expected());
}

TEST_CASE("a claim takes the first free number, or the wanted folder if it is new or empty", "[train]") {
  const TemporaryFolder temporary;
  const fs::path before = fs::current_path();
  fs::current_path(temporary.path());
  struct Return {
    const fs::path& to;
    ~Return() { fs::current_path(to); }
  } const back{before};
  const RunFolder first = RunFolder::claim("", "x"), second = RunFolder::claim("", "x");
  CHECK(first.path() == "runs/x-1");
  CHECK(second.path() == "runs/x-2");
  first.discard();
  CHECK_FALSE(fs::exists("runs/x-1"));
  write_file_atomically(second.file("config.json"), "{}");
  second.discard();  // it holds something
  CHECK(fs::exists("runs/x-2/config.json"));
  CHECK(RunFolder::claim("", "x").path() == "runs/x-1");
  fs::create_directory_symlink("nowhere", "runs/x-3");
  CHECK(RunFolder::claim("", "x").path() == "runs/x-4");

  CHECK(RunFolder::claim("deep/down/here/", "x").path() == "deep/down/here/");
  RunFolder::claim("deep/down/here", "x").discard();  // it was there before
  CHECK(fs::is_directory("deep/down/here"));
  write_file_atomically("deep/down/here/note.txt", "mine");
  CHECK_THROWS_WITH(RunFolder::claim("deep/down/here", "x"), ContainsSubstring("is not empty"));
  CHECK_THROWS_WITH(RunFolder::claim("deep/down/here/note.txt", "x"), ContainsSubstring("is a file"));
}

TEST_CASE("an interrupted --find-lr leaves no folder", "[cli]") {
  const Runs runs;
  RunningProgram sweep(program_path("cnn-train"), runs.start("run", {"--find-lr=100000"}));
  for (int i = 0; i < 3000 && !fs::exists(runs.path("run")); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  CHECK(fs::exists(runs.path("run")));
  sweep.send(SIGINT);
  const ProgramResult result = sweep.wait();
  INFO(result.description());
  CHECK(result.exit_code == 130);
  CHECK_FALSE(fs::exists(runs.path("run")));
}

}  // namespace
}  // namespace cnn
