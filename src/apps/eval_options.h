#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "data/data_spec.h"

namespace cnn {

/// The command line of cnn-eval.
struct EvalOptions {
  std::filesystem::path model, labels, predictions, json, report;
  std::vector<std::filesystem::path> images;
  std::vector<std::filesystem::path> explain;  ///< the picture to write, and the image
  int threads = 1, top = 1;
  double min_accuracy = -1;
  std::string split;  ///< of a table
  std::string tta;    ///< empty: as the model's config says
};

void add_eval_options(CLI::App& app, EvalOptions& options);
/// Throws Error (exit 2) for options that do not go together.
void check_question(const CLI::App& app);
/// The looks that a word of --tta means.
TestTimeAugmentation looks_of(const std::string& word);

}  // namespace cnn
