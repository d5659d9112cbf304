// cnn-inspect: shows what a config or a model is made of and does, without opening its data. Command line and
// wiring only.
#include <filesystem>

#include "apps/command_line.h"
#include "config/config.h"
#include "core/text.h"
#include "inspect/inspected.h"
#include "inspect/layers.h"
#include "inspect/pictures.h"
#include "inspect/steps.h"
#include "kernels/simd.h"
#include "report/timing_table.h"
#include "train/measure_step.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

struct Options {
  fs::path config, model;
  std::string explain;
  fs::path filters, features, out;
  std::vector<std::string> receptive_field;  // layer and image
  std::vector<fs::path> images;
  int threads = usable_processors();
};

/// How long --time measures: a second is enough for a small network to settle.
constexpr double kTimingSeconds = 3;

void print_timing(const Inspected& inspected, ThreadPool& pool) {
  const TrainingSpec& training = inspected.config.training;
  const auto network = inspected.network(training.batch_size);
  const StepTiming timing =
      measure_step(*network, pool, training.optimizer, training.batch_size, kTimingSeconds);
  fmt::print("A training step on random images: batch {}, {} thread{}, {}\n{}", training.batch_size,
             pool.threads(), pool.threads() == 1 ? "" : "s", instruction_set(), timing_table(timing));
}

/// What there is to show: one of these at a time.
enum class View {
  table,
  json,
  markdown,
  explain,
  check_gradients,
  time,
  filters,
  features,
  receptive_field,
  schema,
  reference
};

int inspect(const Options& options, View view) {
  if (view == View::schema) return fmt::print("{}", json_schema()), 0;
  if (view == View::reference) return fmt::print("{}", markdown_reference()), 0;
  const Inspected inspected = read_inspected(options.config, options.model);
  ThreadPool pool(options.threads);
  switch (view) {
    case View::explain:
      return explain(inspected, options.explain, options.images, pool);
    case View::check_gradients:
      return check_gradients(inspected, options.images, pool);
    case View::time:
      print_timing(inspected, pool);
      return 0;
    case View::filters:
      draw_filters(inspected, options.filters);
      return 0;
    case View::features:
      draw_features(inspected, options.features, options.out, pool);
      return 0;
    case View::receptive_field:
      draw_receptive_field(inspected, options.receptive_field[0], options.receptive_field[1], options.out);
      return 0;
    case View::json:
      print_layers(inspected, TableFormat::json, options.threads);
      return 0;
    case View::markdown:
      print_layers(inspected, TableFormat::markdown, options.threads);
      return 0;
    default:
      print_layers(inspected, TableFormat::text, options.threads);
      return 0;
  }
}

}  // namespace
}  // namespace cnn

int main(int argc, char** argv) {
  using cnn::View;
  CLI::App app("Shows the layers of a config or a model: what they compute, what they cost, what they see",
               "cnn-inspect");
  cnn::Options options;
  app.add_option("--config", options.config, "A config (JSON); its data is not opened");
  app.add_option("--model", options.model, "A model (.safetensors) of cnn-train");
  std::vector<std::pair<CLI::Option*, View>> views;
  const auto view = [&](const char* name, View which, const std::string& help) {
    views.emplace_back(app.add_flag(name, help), which);
  };
  view("--json", View::json, "The table as JSON");
  view("--markdown", View::markdown, "The table as Markdown");
  views.emplace_back(
      app.add_option("--explain", options.explain,
                     "The arithmetic of a layer (default: of all) in words and numbers, forward and "
                     "backward, each sum checked against the engine")
          ->expected(0, 1)
          ->option_text("[LAYER]"),
      View::explain);
  view("--check-gradients", View::check_gradients,
       "Compare the gradients of this network with numerical derivatives of a plain implementation in double "
       "precision; exit status 1 if they differ");
  view("--time", View::time,
       "Train on random images for a few seconds: the time of each layer in each direction, and the rate of "
       "convolutions and dense layers as a share of the machine's multiply-adds");
  views.emplace_back(app.add_option("--filters", options.filters, "Draw the kernels of the first convolution")
                         ->option_text("OUT.png"),
                     View::filters);
  views.emplace_back(app.add_option("--features", options.features,
                                    "Draw what every layer puts out for an image, into the folder --out")
                         ->option_text("IMAGE"),
                     View::features);
  views.emplace_back(
      app.add_option("--receptive-field", options.receptive_field,
                     "Draw which pixels of an image an output of a layer reads, into the file --out")
          ->expected(2)
          ->option_text("LAYER IMAGE"),
      View::receptive_field);
  CLI::Option* out = app.add_option("--out", options.out,
                                    "With --features: the folder; with --receptive-field: the PNG file");
  view("--schema", View::schema, "Print the JSON Schema of configs");
  view("--reference", View::reference, "Print the reference of all config keys as Markdown");
  CLI::Option* images =
      app.add_option("--image", options.images,
                     "With --explain and --check-gradients: image files to look at, in place of "
                     "generated ones")
          ->option_text("FILE...");
  app.add_option("--threads", options.threads, "Worker threads")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  cnn::add_version(app, "cnn-inspect");
  return cnn::run_program(app, argc, argv, [&] {
    View chosen = View::table;
    const CLI::Option* first = nullptr;
    for (const auto& [option, which] : views) {
      if (!*option) continue;
      if (first)
        cnn::fail_usage("{} and {} are two views; choose one", first->get_name(), option->get_name());
      first = option;
      chosen = which;
    }
    if (*images && chosen != View::explain && chosen != View::check_gradients)
      cnn::fail_usage("--image goes with --explain or --check-gradients");
    const bool wants_out = chosen == View::features || chosen == View::receptive_field;
    if (wants_out && !*out) cnn::fail_usage("{} needs --out", first->get_name());
    if (!wants_out && *out) cnn::fail_usage("--out goes with --features or --receptive-field");
    return cnn::inspect(options, chosen);
  });
}
