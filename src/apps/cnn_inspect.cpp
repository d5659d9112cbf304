// cnn-inspect: shows the parts of a config or a model and what they do, without opening its data. Command
// line and wiring only.
#include <algorithm>
#include <filesystem>
#include <limits>
#include <optional>
#include <string_view>

#include "apps/command_line.h"
#include "apps/modes.h"
#include "config/config.h"
#include "core/processors.h"
#include "core/standard_streams.h"
#include "core/text.h"
#include "inspect/inspected.h"
#include "inspect/layers.h"
#include "inspect/pictures.h"
#include "inspect/steps.h"
#include "inspect/timing.h"
#include "page/network_page.h"

namespace cnn {
namespace {

namespace fs = std::filesystem;

struct Options {
  fs::path config, model;
  std::vector<std::string> overrides;  // of the config
  std::string explain;
  fs::path filters, features, out, page;
  std::vector<std::string> receptive_field;  // layer and image
  std::vector<fs::path> images;
  int threads = usable_processors();
  std::optional<double> memory_bandwidth;  // GB/s
};

/// The views. An option of its own chooses each.
const std::vector<Mode> kViews = {
    {"--json", "", {"--config", "--set", "--model", "--threads"}},
    {"--markdown", ", which shows no memory", {"--config", "--set", "--model"}},
    {"--explain", "", {"--config", "--set", "--model", "--image", "--threads"}},
    {"--check-gradients", "", {"--config", "--set", "--model", "--image", "--threads"}},
    {"--time",
     ", which takes random images",
     {"--config", "--set", "--model", "--threads", "--memory-bandwidth"}},
    {"--filters", "", {"--config", "--set", "--model"}},
    {"--features", "", {"--config", "--set", "--model", "--out", "--threads"}},
    {"--receptive-field", "", {"--config", "--set", "--model", "--out"}},
    {"--page", ", which takes a model", {"--model", "--image"}},
    {"--schema", ", which is the same for every config", {}},
    {"--reference", ", which is the same for every config", {}},
    {"", "", {"--config", "--set", "--model", "--threads"}},  // the table
};

/// view: the option that chooses it.
int inspect(const Options& options, std::string_view view) {
  if (view == "--schema") return print_out("{}", json_schema()), 0;
  if (view == "--reference") return print_out("{}", markdown_reference()), 0;
  const Inspected inspected = read_inspected(options.config, options.model, options.overrides);
  if (view == "--json") return print_layers(inspected, TableFormat::json, options.threads), 0;
  if (view == "--markdown") return print_layers(inspected, TableFormat::markdown, options.threads), 0;
  if (view == "") return print_layers(inspected, TableFormat::text, options.threads), 0;
  if (view == "--filters") return draw_filters(inspected, options.filters), 0;
  if (view == "--receptive-field")
    return draw_receptive_field(inspected, options.receptive_field[0], options.receptive_field[1],
                                options.out),
           0;
  if (view == "--page") return write_network_page(inspected, options.images, options.page), 0;
  ThreadPool pool(options.threads);
  if (view == "--explain") return explain(inspected, options.explain, options.images, pool);
  if (view == "--check-gradients") return check_gradients(inspected, options.images, pool);
  if (view == "--features") return draw_features(inspected, options.features, options.out, pool), 0;
  CNN_CHECK(view == "--time", "there is no view {}", view);
  return print_timing(inspected, pool,
                      options.memory_bandwidth ? 1e9 * *options.memory_bandwidth
                                               : std::numeric_limits<double>::infinity()),
         0;
}

/// The view whose option is given. Throws Error (exit 2) for two views, or for an option that the view does
/// not use.
std::string_view chosen_view(const CLI::App& app) {
  const Mode& view = chosen_mode(app, kViews);
  for (const Mode& other : kViews)
    if (&other != &view && !other.option.empty() && app.count(std::string(other.option)) > 0)
      fail_usage("{} and {} are two views; choose one", view.option, other.option);
  check_options(app, kViews, view);
  if (std::ranges::find(view.takes, "--out") != view.takes.end() && app.count("--out") == 0)
    fail_usage("{} needs --out", view.option);
  if (view.option == "--page" && app.count("--model") == 0)
    fail_usage("--page needs --model: the network of a trained model");
  return view.option;
}

}  // namespace
}  // namespace cnn

int main(int argc, char** argv) {
  CLI::App app("Shows the layers of a config or a model: what they compute, what they cost, what they see",
               "cnn-inspect");
  cnn::Options options;
  app.add_option("--config", options.config, "A config (JSON); its data is not opened");
  app.add_option("--set", options.overrides,
                 "Override a value of the config, as in network.0.out_channels=32 (repeatable)")
      ->allow_extra_args(false);
  app.add_option("--model", options.model, "A model (.safetensors) of cnn-train");
  // CLI11 takes a text in this place for a value.
  const auto add_flag = [&](const char* name, const std::string& help) { app.add_flag(name, help); };
  add_flag("--json", "Print the table as JSON");
  add_flag("--markdown", "Print the table as Markdown");
  app.add_option("--explain", options.explain,
                 "Write out the arithmetic of a layer (default: of all layers), forward and backward, and "
                 "check each sum against the engine")
      ->expected(0, 1);
  add_flag(
      "--check-gradients",
      "Compare the gradients of this network with numerical derivatives of a plain implementation in double "
      "precision; exit status 1 if they differ");
  add_flag("--time",
           "Time each layer, forward and backward, in a few seconds of training on random images; for "
           "convolutions and dense layers also the rate, as a share of the machine's multiply-adds; then a "
           "forecast for 1 to 64 threads");
  app.add_option("--memory-bandwidth", options.memory_bandwidth,
                 "With --time: what all cores of the machine together move from and to memory, in GB/s, for "
                 "the forecast (default: enough)")
      ->check(CLI::Range(0.1, 100000.0));
  app.add_option("--filters", options.filters, "Draw the kernels of the first convolution");
  app.add_option("--features", options.features,
                 "Draw the output of every layer for an image, into the folder --out");
  app.add_option("--receptive-field", options.receptive_field,
                 "Draw which pixels of an image one output of a layer reads, into the file --out")
      ->expected(2);
  app.add_option("--page", options.page,
                 "Write a page (HTML, one file) on which the network of --model runs forward and backward in "
                 "the browser: draw, point at values, see where they and their gradients come from");
  app.add_option("--out", options.out, "With --features: the folder; with --receptive-field: the PNG file");
  add_flag("--schema", "Print the JSON Schema of configs");
  add_flag("--reference", "Print the reference of all config keys as Markdown");
  app.add_option(
      "--image", options.images,
      "With --explain, --check-gradients and --page: use these image files instead of generated images");
  app.add_option("--threads", options.threads, "Worker threads (default: all available cores)")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  cnn::add_version(app, "cnn-inspect");
  return cnn::run_program(app, argc, argv, [&] { return cnn::inspect(options, cnn::chosen_view(app)); });
}
