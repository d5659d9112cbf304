// cnn-inspect: shows what a config or a model is made of, without opening any data. Command line and wiring
// only.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "apps/command_line.h"
#include "apps/layer_rows.h"
#include "apps/places.h"
#include "config/config.h"
#include "core/text.h"
#include "kernels/simd.h"
#include "report/timing_table.h"
#include "train/measure_step.h"
#include "train/model_file.h"

namespace cnn {
namespace {

struct Options {
  std::filesystem::path config, model;
  bool json = false, schema = false, reference = false, time = false;
  int threads = usable_processors();
};

/// How long --time measures: a second is enough for a small network to settle.
constexpr double kTimingSeconds = 3;

nlohmann::ordered_json to_json(const Shape& shape) {
  if (shape.flat) return {shape.c};
  return {shape.c, shape.h, shape.w};
}

void print_json(const Network& network, const std::vector<CliffWarning>& warnings) {
  nlohmann::ordered_json json;
  json["input"] = to_json(network.input());
  json["layers"] = nlohmann::ordered_json::array();
  std::int64_t macs = 0, activations = 0;
  for (const LayerSummary& layer : network.layers()) {
    json["layers"].push_back({{"name", layer.name},
                              {"type", layer.type},
                              {"input_shape", to_json(layer.in)},
                              {"output_shape", to_json(layer.out)},
                              {"activations", layer.out.values()},
                              {"parameters", layer.parameters},
                              {"macs", layer.macs},
                              {"dense_equivalent_parameters", layer.dense_equivalent_parameters},
                              {"receptive_field", {layer.receptive_field.h, layer.receptive_field.w}}});
    macs += layer.macs;
    activations += layer.out.values();
  }
  json["totals"] = {{"parameters", network.parameter_count()}, {"macs", macs}, {"activations", activations}};
  json["warnings"] = nlohmann::ordered_json::array();
  for (const CliffWarning& w : warnings)
    json["warnings"].push_back({{"layer", w.layer}, {"kind", w.kind}, {"message", w.message}});
  fmt::print("{}\n", json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

void print_text(const Network& network, const std::vector<CliffWarning>& warnings) {
  fmt::print("{}", layer_table(to_string(network.input()), layer_rows(network)));
  for (const LayerSummary& layer : network.layers())
    if (layer.dense_equivalent_parameters > 0)
      fmt::print(
          "{}: {} parameters because one kernel serves every position; a dense layer between the same maps "
          "would have {}\n",
          printable(layer.name), with_commas(layer.parameters),
          with_commas(layer.dense_equivalent_parameters));
  for (const CliffWarning& warning : warnings) fmt::print("warning: {}\n", warning.message);
}

void print_timing(const Config& config, const Shape& input, int threads) {
  ThreadPool pool(threads);
  Network network(config.network, input, 0, config.training.batch_size);
  network.initialize(config.seed);
  const StepTiming timing =
      measure_step(network, pool, config.training.optimizer, config.training.batch_size, kTimingSeconds);
  fmt::print("A training step on random images: batch {}, {} thread{}, {}\n{}", config.training.batch_size,
             threads, threads == 1 ? "" : "s", instruction_set(), timing_table(timing));
}

int inspect(const Options& options) {
  if (options.schema) return fmt::print("{}", json_schema()), 0;
  if (options.reference) return fmt::print("{}", markdown_reference()), 0;
  if (options.config.empty() == options.model.empty())
    fail_usage("name a --config or a --model (one of them)");
  if (options.time && options.json) fail_usage("--time prints a table only; leave --json out");
  const bool is_model = !options.model.empty();
  const std::string stored = is_model ? read_description(options.model).config : "";
  const Document document =
      is_model ? Document::parse(stored, options.model.string()) : Document::read(options.config);
  const Config config = is_model ? read_model_config(stored, options.model.string()) : read_config(document);
  const ImageSpec& image = config.data.image;
  const Shape input{.c = image.channels, .h = image.height, .w = image.width};
  with_places(document, [&] {
    Network network(config.network, input, 0, 1);
    if (is_model) load_model(options.model, network);
    if (options.time) return print_timing(config, input, options.threads);
    const auto warnings = cliff_warnings(input.values(), layer_rows(network));
    options.json ? print_json(network, warnings) : print_text(network, warnings);
  });
  return 0;
}

}  // namespace
}  // namespace cnn

int main(int argc, char** argv) {
  CLI::App app("Shows the layers of a config or a model: output sizes, activations, parameters",
               "cnn-inspect");
  cnn::Options options;
  app.add_option("--config", options.config, "A config (JSON); its data is not opened");
  app.add_option("--model", options.model, "A model (.safetensors) of cnn-train");
  app.add_flag("--json", options.json, "The table as JSON");
  app.add_flag(
      "--time", options.time,
      "Train on random images for a few seconds: the time of each layer in each direction, and the rate "
      "of convolutions and dense layers as a share of the machine's multiply-adds");
  app.add_option("--threads", options.threads, "Worker threads of --time")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_flag("--schema", options.schema, "Print the JSON Schema of configs");
  app.add_flag("--reference", options.reference, "Print the reference of all config keys as Markdown");
  cnn::add_version(app, "cnn-inspect");
  return cnn::run_program(app, argc, argv, [&] { return cnn::inspect(options); });
}
