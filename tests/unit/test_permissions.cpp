// What may not be read or written is named with the reason, by a user whom permissions bind.
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "catch.h"
#include "core/file.h"
#include "picture_folder.h"
#include "run_program.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

/// A folder of the user that the programs run as: pictures of three classes, a config for them, and an empty
/// folder to work in.
class UserFolder {
 public:
  UserFolder() {
    for (const char* name : {"one", "two", "three"})
      folder_.put_class(std::string("pictures/") + name, 4, 8, 8, false);
    folder_.write("config.json", R"({
      "data": {"format": "folder", "train": "pictures", "image": {"channels": 1, "height": 8, "width": 8}},
      "network": [{"type": "flatten"}, {"type": "dense", "units": 3}],
      "training": {"epochs": 1, "batch_size": 4, "optimizer": {"type": "sgd", "learning_rate": 0.01}}
    })");
    fs::create_directory(path("work"));
    give(folder_.path());
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) give(entry.path());
  }
  ~UserFolder() { restore(); }

  fs::path path(const std::string& name) const { return folder_.path() / name; }
  /// Takes permissions away, until restore().
  void lock(const std::string& name, fs::perms left = fs::perms::none) {
    locked_.emplace_back(path(name), fs::status(path(name)).permissions());
    fs::permissions(path(name), left);
  }
  void restore() {
    for (; !locked_.empty(); locked_.pop_back()) fs::permissions(locked_.back().first, locked_.back().second);
  }

  ProgramResult run(const std::string& program, std::vector<std::string> arguments) const {
    ProgramOptions options;
    options.as_nobody = true;
    options.working_folder = path("work");
    return run_program(program_path(program), arguments, options);
  }
  ProgramResult train(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"--config", path("config.json").string(), "--quiet"});
    return run("cnn-train", more);
  }
  /// Whether programs can run as that user here.
  bool works() const {
    try {
      return run("cnn-train", {"--version"}).exit_code == 0;
    } catch (const std::runtime_error& error) {  // no right to change the user, or none to read the program
      WARN("skipped: " << error.what());
      return false;
    }
  }

 private:
  static void give(const fs::path& path) {
    if (::geteuid() == 0) REQUIRE(::chown(path.c_str(), kNobody, kNobody) == 0);
  }
  PictureFolder folder_;
  std::vector<std::pair<fs::path, fs::perms>> locked_;
};

void check_refused(const ProgramResult& result, int code, const std::string& message) {
  INFO(result.description());
  CHECK(result.exit_code == code);
  CHECK_THAT(result.err, ContainsSubstring(message));
  CHECK_THAT(result.err, ContainsSubstring("Permission denied"));
}

constexpr fs::perms kReadOnly = fs::perms::owner_read | fs::perms::owner_exec;

TEST_CASE("images and folders that may not be read are named", "[cli]") {
  UserFolder user;
  if (!user.works()) return;
  const std::vector<std::string> skip{"--set", "data.bad_images=\"skip\""};
  user.lock("pictures/one/2.pgm");
  check_refused(user.train(), 1, "pictures/one/2.pgm: cannot be opened");
  CHECK(user.train(skip).exit_code == 0);
  user.restore();

  // A class that vanishes is never skipped: the network would have an output for nothing, or one too few.
  user.lock("pictures/two");
  check_refused(user.train(), 1, "pictures/two: the folder cannot be read");
  check_refused(user.train(skip), 1, "no image of class \"two\" can be used");
  user.restore();

  user.lock("pictures/two", fs::perms::owner_read);  // its names can be listed, and nothing else
  check_refused(user.train(), 1, "pictures/two/1.pgm: cannot be examined");
  user.restore();
  user.lock("pictures");
  check_refused(user.train(), 1, "pictures: the folder cannot be read");
}

TEST_CASE("what cannot even be examined is not said to be missing", "[cli]") {
  UserFolder user;
  if (!user.works()) return;
  fs::create_directories(user.path("locked/data"));
  fs::copy_file(user.path("config.json"), user.path("locked/config.json"));
  user.lock("locked");
  check_refused(user.train({"--set", "data.train=locked/data"}), 1, "locked/data: cannot be examined");
  check_refused(user.run("cnn-train", {"--config", user.path("locked/config.json").string()}), 2,
                "config.json: cannot be examined");
  check_refused(user.run("cnn-train", {"--resume", user.path("locked").string()}), 1,
                "config.json: cannot be examined");
  check_refused(user.run("cnn-train", {"--resume", user.path("locked/run").string()}), 1,
                "run: cannot be examined");
  check_refused(user.train({"--run-dir", user.path("locked/run").string()}), 1, "run: cannot be examined");
  check_refused(user.run("cnn-train", {"--init", user.path("locked").string()}), 2,
                "locked: the folder cannot be read");
  user.lock("config.json");
  check_refused(user.train(), 2, "config.json: cannot open");
  check_refused(user.run("cnn-inspect", {"--config", user.path("config.json").string()}), 2,
                "config.json: cannot open");
}

TEST_CASE("--init names parts and classes that may not be read", "[cli]") {
  UserFolder user;
  if (!user.works()) return;
  const auto init = [&](const std::string& folder) {
    return user.run("cnn-train", {"--init", user.path(folder).string()});
  };
  user.lock("pictures/two");
  const ProgramResult without = init("pictures");
  INFO(without.description());
  CHECK(without.exit_code == 0);
  CHECK_THAT(without.err, ContainsSubstring("2 classes, 8 images") &&
                              ContainsSubstring("No image of \"two\" can be read") &&
                              ContainsSubstring("two: the folder cannot be read: Permission denied"));
  CHECK(nlohmann::json::parse(without.out, nullptr, true, true)["network"].back()["units"] == 2);
  user.restore();

  fs::create_directory(user.path("set"));
  fs::rename(user.path("pictures"), user.path("set/train"));
  fs::create_directory(user.path("set/test"));
  user.lock("set/train");
  check_refused(init("set"), 2, "set/train: the folder cannot be read");
}

TEST_CASE("a folder that may not be written to is said before the training", "[cli]") {
  UserFolder user;
  if (!user.works()) return;
  user.lock("work", kReadOnly);
  check_refused(user.train(), 1, "nothing can be written into " + user.path("work").string());
  check_refused(user.train({"--run-dir", "a/b"}), 1, "a/b: nothing can be written into");
  check_refused(user.train({"--seeds", "2"}), 1, "nothing can be written into");
  check_refused(user.train({"--find-lr"}), 1, "nothing can be written into");
  CHECK(fs::is_empty(user.path("work")));
  user.restore();
  user.lock("work", fs::perms::owner_write | fs::perms::owner_exec);
  check_refused(user.train({"--run-dir", user.path("work").string()}), 1, "work: the folder cannot be read");
}

TEST_CASE("a run whose files may not be read or written is not resumed, and stays as it is", "[cli]") {
  UserFolder user;
  if (!user.works()) return;
  const std::string run = user.path("work/run").string();
  REQUIRE(user.train({"--run-dir", run}).exit_code == 0);
  const auto resume = [&] {
    return user.run("cnn-train", {"--resume", run, "--quiet", "--set", "training.epochs=2"});
  };
  const std::string before = read_file(user.path("work/run/result.json"));
  user.lock("work/run/checkpoint");
  check_refused(resume(), 1, "checkpoint/a.ckpt: cannot be examined");
  user.restore();
  user.lock("work/run/checkpoint/a.ckpt");
  check_refused(resume(), 1, "a.ckpt: cannot open");
  user.restore();
  user.lock("work/run", kReadOnly);
  check_refused(resume(), 1, "config.json: cannot write");
  user.restore();
  user.lock("work/run/train.log");
  check_refused(resume(), 1, "train.log");
  user.restore();
  CHECK(read_file(user.path("work/run/result.json")) == before);
  CHECK(resume().exit_code == 0);

  const std::string model = user.path("work/run/best.safetensors").string();
  const auto eval = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"--model", model, "--images", user.path("pictures").string()});
    return user.run("cnn-eval", more);
  };
  user.lock("work", kReadOnly);
  check_refused(eval({"--json", "x.json"}), 1, "x.json");
  check_refused(eval({"--predictions", "x.csv"}), 1, "x.csv");
  check_refused(eval({"--report", "x.html"}), 1, "x.html");
  CHECK_FALSE(fs::exists(user.path("work/x.csv")));
  check_refused(user.run("cnn-inspect", {"--model", model, "--page", "x.html"}), 1, "x.html");
  user.lock("work/run/best.safetensors");
  check_refused(eval({}), 1, "best.safetensors: cannot open");
  check_refused(user.run("cnn-inspect", {"--model", model}), 1, "best.safetensors: cannot open");
}

TEST_CASE("an export into a folder that may not be written names its file", "[cli]") {
  UserFolder user;
  if (!user.works()) return;
  REQUIRE(user.train({"--run-dir", user.path("work/run").string()}).exit_code == 0);
  user.lock("work", kReadOnly);
  check_refused(user.run("cnn-export", {"--model", "run/best.safetensors", "--onnx", "a.onnx"}), 1,
                "cnn-export: a.onnx: cannot write: Permission denied");
  user.restore();
  CHECK_FALSE(fs::exists(user.path("work/a.onnx")));
}

}  // namespace
}  // namespace cnn
