// Every program with each standard stream closed, full, without a reader, or on a terminal that is gone: no
// output that fails may end a program, change its exit status, or cost a result that can be saved.
#include <chrono>
#include <thread>

#include "catch.h"
#include "core/error.h"
#include "core/text.h"
#include "resumed_runs.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

std::string quoted(const std::string& text) { return "'" + text + "'"; }

/// A way in which streams fail, as additions to a command line of the shell; descriptor 8: see shell().
struct StreamFailure {
  const char *name, *in, *out, *err;
};
const std::vector<StreamFailure> kFailures = {
    {"stdin closed", " <&-", "", ""},
    {"stdin endless", " </dev/zero", "", ""},
    {"stdout closed", "", " >&-", ""},
    {"stdout full", "", " >/dev/full", ""},
    {"stdout a pipe without a reader", "", " >&8", ""},
    {"stderr closed", "", "", " 2>&-"},
    {"stderr full", "", "", " 2>/dev/full"},
    {"stderr a pipe without a reader", "", "", " 2>&8"},
    {"both closed", "", " >&-", " 2>&-"},
    {"both full", "", " >/dev/full", " 2>/dev/full"},
    {"all closed", " <&-", " >&-", " 2>&-"},
};

/// A command line, its exit status when nothing fails, and when stdout does.
struct StreamCommand {
  std::string line;
  int status, without_stdout;
  std::vector<std::string> files = {};  ///< that must be there afterwards
};

class TrainedModel {
 public:
  TrainedModel() {
    runs_.require_success(runs_.train(runs_.start("model", {"--quiet"})));
    write_file_atomically(runs_.path("list.txt"), picture().string() + "\n");
  }
  fs::path path(const std::string& name) const { return runs_.path(name); }

  std::vector<StreamCommand> commands() const {
    const std::string train = quoted(program_path("cnn-train").string()),
                      eval = quoted(program_path("cnn-eval").string()),
                      inspect = quoted(program_path("cnn-inspect").string()),
                      exports = quoted(program_path("cnn-export").string());
    const std::string model = " --model " + quoted(path("model/best.safetensors").string());
    const std::string config = " --config " + quoted(path("config.json").string());
    const std::string run = " --run-dir " + quoted(path("run").string());
    const std::string idx = " --images " + quoted(path("images.idx.gz").string()) + " --labels " +
                            quoted(path("labels.idx").string());
    const std::string folder = quoted((fs::path(CNN_SOURCE_DIR) / "data/digits/test").string());
    return {
        {train + " --config nosuch.json", 2, 2},
        {train + " --nonsense", 2, 2},
        {train + " --help", 0, 1},
        {train + " --version", 0, 1},
        {train + config + run, 0, 0, {"run/result.json", "run/best.safetensors", "run/report.html"}},
        {train + config + run + " --seeds 2", 0, 0, {"run/seeds.json", "run/seed-2/result.json"}},
        {train + config + run + " --find-lr=20", 0, 0, {"run/report.html"}},
        {train + config + run + " --dry-run", 0, 1},
        {train + " --resume " + quoted(path("model").string()), 0, 0},
        {train + config + run + " --set training.optimizer.learning_rate=1e20", 1, 1, {"run/train.log"}},
        {train + " --init " + folder, 0, 1},
        {train + " --init " + folder + " --out " + quoted(path("new.json").string()), 0, 0, {"new.json"}},
        {eval + " --model nosuch --images x", 2, 2},
        {eval + model + idx, 0, 1},
        {eval + model + idx + " --json -", 0, 1},
        {eval + model + idx + " --min-accuracy 1", 3, 3},
        {eval + model + " --images " + quoted(picture().string()), 0, 1},
        {inspect + model, 0, 1},
        {inspect + model + " --json", 0, 1},
        {inspect + model + " --explain dense1", 0, 1},
        {inspect + config + " --check-gradients", 0, 1},
        {inspect + model + " --page " + quoted(path("run.html").string()), 0, 1, {"run.html"}},
        {inspect + " --schema", 0, 1},
        {inspect + " --model nosuch", 1, 1},
        {exports + model + " --force --onnx " + quoted(path("run.onnx").string()), 0, 0, {"run.onnx"}},
        {exports + model + " --force --json - --onnx " + quoted(path("run.onnx").string()),
         0,
         1,
         {"run.onnx"}},
        {exports + model, 2, 2},
    };
  }
  fs::path picture() const { return fs::path(CNN_SOURCE_DIR) / "data/digits/test/3/0000.png"; }

 private:
  Runs runs_;
};

/// Runs a line of the shell in which descriptor 8 is a pipe that nobody reads. SIGPIPE has its default
/// effect.
ProgramResult shell(const std::string& line, const fs::path& folder) {
  const std::string fifo = quoted((folder / "fifo").string());
  ProgramOptions options;
  options.working_folder = folder;
  // Opened for both, then for writing; when the first goes, there is no reader left.
  return run_program("/bin/sh",
                     {"-c", "rm -f " + fifo + "; mkfifo " + fifo + "; exec 9<>" + fifo + "; exec 8>" + fifo +
                                "; exec 9>&-; " + line},
                     options);
}

void check_survives(const TrainedModel& trained, const StreamCommand& command, const StreamFailure& failure) {
  fs::remove_all(trained.path("run"));
  fs::remove(trained.path("new.json"));
  const ProgramResult result = shell(command.line + failure.in + failure.out + failure.err, trained.path(""));
  INFO(command.line << "\nwith " << failure.name << "\n" << result.description());
  CHECK(result.exit_code == (*failure.out ? command.without_stdout : command.status));
  for (const std::string& file : command.files) CHECK(fs::exists(trained.path(file)));
  const bool says_something = command.line.find("--out") == std::string::npos;
  if (*failure.out && !*failure.err && command.status == 0 && says_something)
    CHECK_THAT(result.err, ContainsSubstring("standard output"));
}

/// Every command with every `step`th failure, one further for each command; a config that is missing, and a
/// training, with all of them.
void check_all_survive(std::size_t most) {
  if (!fs::exists("/dev/full")) return;
  const TrainedModel trained;
  const std::vector<StreamCommand> commands = trained.commands();
  for (std::size_t i = 0; i < commands.size(); ++i) {
    const std::size_t step = i == 0 || i == 4 ? 1 : most;
    for (std::size_t j = i % step; j < kFailures.size(); j += step)
      check_survives(trained, commands[i], kFailures[j]);
  }
}

TEST_CASE("outputs that fail do not end a program or change its exit status", "[streams]") {
  check_all_survive(4);
}
TEST_CASE("every failure of an output with every command", "[streams][slow]") { check_all_survive(1); }

TEST_CASE("a stream that is closed is not replaced by a file of the run", "[streams]") {
  const Runs runs;
  const std::string expected = runs.expected();
  const std::string line = quoted(program_path("cnn-train").string()) + " --config " +
                           quoted(runs.path("config.json").string()) + " --run-dir " +
                           quoted(runs.path("run").string()) + " <&- >&- 2>&-";
  CHECK(run_program("/bin/sh", {"-c", line}).exit_code == 0);
  CHECK(runs.result("run") == expected);
}

TEST_CASE("a list of paths on standard input that is closed, empty or endless is refused", "[streams]") {
  if (!fs::exists("/dev/zero")) return;
  const TrainedModel trained;
  const std::string line = quoted(program_path("cnn-eval").string()) + " --model " +
                           quoted(trained.path("model/best.safetensors").string()) + " --images - ";
  for (const char* input : {"<&-", "</dev/null", "</dev/zero"}) {
    const ProgramResult result = run_program("/bin/sh", {"-c", line + input});
    INFO(input << "\n" << result.description());
    CHECK(result.exit_code == 1);
    CHECK_THAT(result.err, ContainsSubstring("standard input"));
  }
}

TEST_CASE("a training outlives its terminal if SIGHUP is ignored", "[streams]") {
  if (!fs::exists("/usr/bin/script")) return;  // it makes a terminal, which goes with it
  const Runs runs;
  const std::string train = quoted(program_path("cnn-train").string()) + " --config " +
                            quoted(runs.path("config.json").string()) + " --run-dir " +
                            quoted(runs.path("run").string()) + " --set training.epochs=30";
  const std::string inner =
      "trap \"\" HUP; (" + train + "; echo $? >" + quoted(runs.path("status").string()) + ") & sleep 0.1";
  write_file_atomically(runs.path("inner.sh"), inner + "\n");
  run_program("/usr/bin/script",
              {"-qec", "/bin/sh " + runs.path("inner.sh").string(), runs.path("typescript").string()});
  for (int i = 0; i < 6000 && !fs::exists(runs.path("status")); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  CHECK(read_file(runs.path("status")) == "0\n");
  CHECK(fs::exists(runs.path("run/report.html")));
}

TEST_CASE("a log that cannot be written is warned of once, and the training goes on", "[streams]") {
  if (!fs::exists("/dev/full")) return;
  const Runs runs;
  fs::create_directories(runs.path("run"));
  runs.require_success(runs.train(runs.start("run", {"--quiet", "--set", "training.epochs=1"})));
  fs::remove(runs.path("run/train.log"));
  fs::create_symlink("/dev/full", runs.path("run/train.log"));
  const ProgramResult result = runs.resume("run", {"--set", "training.epochs=4"});
  INFO(result.description());
  CHECK(result.exit_code == 0);
  const std::string warning = "train.log: cannot write: No space left on device";
  CHECK_THAT(result.err, ContainsSubstring(warning));
  CHECK(result.err.find(warning) == result.err.rfind(warning));
}

}  // namespace
}  // namespace cnn
