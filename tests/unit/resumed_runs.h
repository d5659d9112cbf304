#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "catch.h"
#include "core/file.h"
#include "run_program.h"
#include "temporary_folder.h"

namespace cnn {

/// A small training with state of every kind: running statistics, two moments, dropout, augmentation, a
/// shuffled order, a schedule, a validation part, a test set.
inline constexpr const char* kResumedConfig = R"({
  "name": "resumed",
  "data": {
    "format": "idx",
    "train": {"images": "images.idx.gz", "labels": "labels.idx"},
    "validation": {"fraction": 0.3},
    "test": {"images": "validation_images.idx.gz", "labels": "validation_labels.idx"},
    "image": {"channels": 1, "height": 12, "width": 12},
    "augment": [{"type": "random_translate", "pixels": 1}]
  },
  "network": [
    {"type": "conv", "out_channels": 4, "kernel_size": 3, "padding": 1},
    {"type": "batch_norm", "activation": "relu"},
    {"type": "max_pool", "kernel_size": 2},
    {"type": "flatten"},
    {"type": "dropout", "p": 0.2},
    {"type": "dense", "units": 10}
  ],
  "training": {
    "epochs": 4,
    "batch_size": 8,
    "checkpoint_steps": 1,
    "optimizer": {"type": "adam", "learning_rate": 0.01},
    "schedule": {"type": "cosine", "warmup_epochs": 0.5}
  }
})";

/// A folder with the config and its data, and runs of it.
class Runs {
 public:
  Runs() {
    const std::filesystem::path data = std::filesystem::path(CNN_SOURCE_DIR) / "tests/golden/cases/lenet5";
    for (const char* name :
         {"images.idx.gz", "labels.idx", "validation_images.idx.gz", "validation_labels.idx"})
      std::filesystem::copy_file(data / name, folder_.path() / name);
    write_file_atomically(folder_.path() / "config.json", kResumedConfig);
  }
  std::filesystem::path path(const std::string& name) const { return folder_.path() / name; }

  std::vector<std::string> start(const std::string& run, std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"--config", path("config.json").string(), "--run-dir", path(run).string()});
    return more;
  }
  ProgramResult train(std::vector<std::string> arguments, const ProgramOptions& options = {}) const {
    return run_program(program_path("cnn-train"), std::move(arguments), options);
  }
  ProgramResult resume(const std::string& run, std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"--resume", path(run).string()});
    return train(std::move(more));
  }
#ifdef CNN_FAULTS
  /// A run into folder "run" with one fault, or none; see tests/fault/faults.cpp. `count_file` gets the
  /// number of operations that a fault can be at.
  ProgramResult train_with_fault(const std::string& fault, std::vector<std::string> more,
                                 const std::string& count_file = "") const {
    ProgramOptions options;
    options.environment = {{"LD_PRELOAD", CNN_FAULTS}, {"CNN_FAULT_FOLDER", path("run").string()}};
    if (!fault.empty()) options.environment.emplace_back("CNN_FAULT", fault);
    if (!count_file.empty()) options.environment.emplace_back("CNN_FAULT_COUNT", count_file);
    std::filesystem::remove_all(path("run"));
    more.insert(more.end(), {"--quiet", "--threads", "1"});
    return train(start("run", std::move(more)), options);
  }
#endif
  /// Everything that must not depend on whether a run was interrupted, in one text.
  std::string result(const std::string& run) const {
    std::string all;
    for (const char* name :
         {"config.json", "activations.csv", "result.json", "best.safetensors", "last.safetensors"})
      all += read_file(path(run) / name);
    std::ifstream metrics(path(run) / "metrics.csv");
    for (std::string line; std::getline(metrics, line);) {  // without the two columns of times
      for (int column = 0; column < 2; ++column) line.resize(line.rfind(','));
      all += line + "\n";
    }
    return all;
  }
  void require_success(const ProgramResult& result) const {
    INFO(result.description());
    REQUIRE(result.exit_code == 0);
  }
  /// The result of the run that nothing happened to.
  std::string expected(std::vector<std::string> more = {}) const {
    std::filesystem::remove_all(path("undisturbed"));
    require_success(train(start("undisturbed", std::move(more))));
    return result("undisturbed");
  }

 private:
  TemporaryFolder folder_;
};

}  // namespace cnn
