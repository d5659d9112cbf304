#pragma once

#include <filesystem>

#include "data/data_spec.h"
#include "starter/choices.h"

namespace cnn {

struct InitOptions {
  std::filesystem::path folder;  ///< images, one folder per class
  std::filesystem::path out;     ///< the config to write; empty: stdout
  ClassFolders class_folders = ClassFolders::automatic;
  InitWishes wishes;
  int threads = 1;
  bool quiet = false;
};

/// cnn-train --init: writes a config for a folder of images. Messages go to stderr. Returns the exit code;
/// throws Error (exit 2) for a folder that cannot be learned from and for a file that exists.
int init(const InitOptions& options);

}  // namespace cnn
