// Every option that has no effect in the chosen mode of a program is refused, and the message names both.
#include "catch.h"
#include "core/file.h"
#include "run_program.h"
#include "temporary_folder.h"

namespace cnn {
namespace {

void check_refused(const char* program, const std::vector<std::string>& arguments,
                   const std::string& message) {
  const ProgramResult result = run_program(program_path(program), arguments);
  INFO(result.description());
  CHECK(result.exit_code == 2);
  CHECK(result.out.empty());
  CHECK_THAT(result.err, ContainsSubstring(message));
}

struct Case {
  std::vector<std::string> mode, option;
};

/// `mode` and `option` as they are given; the option alone is one that the program takes.
void check_refused(const char* program, const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    std::vector<std::string> arguments = one.mode;
    arguments.insert(arguments.end(), one.option.begin(), one.option.end());
    check_refused(
        program, arguments,
        one.option.front() + " does not go with " + one.mode.front().substr(0, one.mode.front().find('=')));
  }
}

TEST_CASE("cnn-train refuses what a mode has no use for", "[cli]") {
  const std::vector<std::string> resume{"--resume", "run"}, init{"--init", "photos"};
  const std::vector<std::string> find_lr{"--find-lr=100", "--config", "a.json"};
  const std::vector<std::string> dry_run{"--dry-run", "--config", "a.json"};
  const std::vector<std::string> layers{"--layer-stats"}, steps{"--layer-stats-every", "5"};
  const std::vector<std::string> seeds{"--seeds", "2"}, run_dir{"--run-dir", "run"}, set{"--set", "seed=2"};
  const std::vector<std::string> config{"--config", "a.json"};
  check_refused("cnn-train", {{dry_run, layers}, {dry_run, steps}});
  check_refused("cnn-train", {{resume, config},
                              {resume, seeds},
                              {resume, run_dir},
                              {resume, {"--dry-run"}},
                              {resume, {"--find-lr"}},
                              {resume, init}});
  check_refused("cnn-train", {{init, config},
                              {init, set},
                              {init, seeds},
                              {init, run_dir},
                              {init, layers},
                              {init, steps},
                              {init, {"--dry-run"}}});
  check_refused(
      "cnn-train",
      {{find_lr, layers}, {find_lr, steps}, {find_lr, seeds}, {find_lr, {"--dry-run"}}, {find_lr, init}});
}

TEST_CASE("--help ends with two examples and where to read on", "[cli]") {
  for (const std::string program : {"cnn-train", "cnn-eval", "cnn-inspect", "cnn-export"}) {
    const std::string help = run_program(program_path(program), {"--help"}).out;
    INFO(help);
    const std::size_t examples = help.find("\nExamples:\n  " + program);
    REQUIRE(examples != help.npos);
    CHECK(help.find("\n  " + program, examples + 14) != help.npos);
    CHECK(help.find("Read on: man " + program) != help.npos);
  }
}

TEST_CASE("an empty value is not taken for an option that is left out", "[cli]") {
  const std::vector<std::pair<std::string, std::vector<std::string>>> lines{
      {"cnn-train", {"--config", "a.json", "--run-dir", ""}},
      {"cnn-eval", {"--model", "m", "--images", "x", "--json", ""}},
      {"cnn-eval", {"--model", "m", "--images", ""}},
      {"cnn-export", {"--model", "m", "--onnx", "o", "--images", ""}},
      {"cnn-inspect", {"--model", "m", "--page", ""}}};
  for (const auto& [program, arguments] : lines) {
    const ProgramResult result = run_program(program_path(program), arguments);
    INFO(program << "\n" << result.description());
    CHECK(result.exit_code == 2);
    CHECK_THAT(result.err,
               ContainsSubstring(*(arguments.end() - 2)) && ContainsSubstring("the value is empty"));
  }
}

TEST_CASE("cnn-inspect refuses what a view has no use for", "[cli]") {
  const std::vector<std::string> threads{"--threads", "2"}, image{"--image", "a.png"}, out{"--out", "a"};
  const std::vector<std::string> config{"--config", "a.json"}, model{"--model", "a.safetensors"};
  for (const char* view : {"--schema", "--reference"})
    for (const auto& option : {threads, image, out, config, model})
      check_refused("cnn-inspect", {{{view}, option}});
  for (const char* view : {"--json", "--markdown", "--time"})
    for (const auto& option : {image, out}) check_refused("cnn-inspect", {{{view}, option}});
  check_refused("cnn-inspect", {{{"--markdown"}, threads},
                                {{"--filters", "a.png"}, threads},
                                {{"--filters", "a.png"}, image},
                                {{"--filters", "a.png"}, out},
                                {{"--features", "a.png"}, image},
                                {{"--receptive-field", "conv1", "a.png"}, threads},
                                {{"--receptive-field", "conv1", "a.png"}, image},
                                {{"--explain=conv1"}, out},
                                {{"--check-gradients"}, out},
                                {{"--page", "a.html"}, threads},
                                {{"--page", "a.html"}, out},
                                {{"--page", "a.html"}, config}});
}

TEST_CASE("the table of layers says which views an option goes with", "[cli]") {
  check_refused("cnn-inspect", {"--config", "a.json", "--image", "a.png"},
                "--image goes with --explain or --check-gradients or --page");
  check_refused("cnn-inspect", {"--config", "a.json", "--out", "a.png"},
                "--out goes with --features or --receptive-field");
}

TEST_CASE("cnn-eval refuses labels for images that have their own", "[cli]") {
  const TemporaryFolder folder;
  const std::string cifar = (folder.path() / "test.bin").string();
  write_file_atomically(cifar, "");
  check_refused("cnn-eval", {"--model", "a.safetensors", "--images", cifar, "--labels", "b.idx"},
                "--labels does not go with CIFAR files");
  check_refused("cnn-eval",
                {"--model", "a.safetensors", "--images", folder.path().string(), "--labels", "b.idx"},
                "--labels goes with an IDX file");
}

}  // namespace
}  // namespace cnn
