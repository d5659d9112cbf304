#include "inspect/layers.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "core/standard_streams.h"
#include "core/text.h"
#include "inspect/layer_rows.h"
#include "nn/runner.h"
#include "report/terminal.h"
#include "train/trainer.h"

namespace cnn {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const Shape& shape) {
  if (shape.flat) return {shape.c};
  return {shape.c, shape.h, shape.w};
}
Json to_json(Size2 size) { return {size.h, size.w}; }

double share(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

Json layer_json(const LayerSummary& layer, const LayerRow& row, const LayerRow& total) {
  Json json = {{"name", layer.name},
               {"type", layer.type},
               {"input_shape", to_json(layer.in)},
               {"output_shape", to_json(layer.out)},
               {"activations", row.activations},
               {"parameters", row.parameters},
               {"macs", row.macs},
               {"dense_equivalent_parameters", row.dense_equivalent_parameters},
               {"receptive_field", to_json(layer.receptive_field)}};
  json["effective_stride"] = row.effective_stride.empty() ? Json() : to_json(layer.effective_stride);
  if (!row.kernel.empty()) {
    json["kernel_size"] = to_json(layer.window.kernel);
    json["stride"] = to_json(layer.window.stride);
    json["padding"] = to_json(layer.window.padding);
    json["padding_after"] = to_json(layer.window.padding_after);
    json["dilation"] = to_json(layer.window.dilation);
    json["groups"] = row.groups;
  }
  json["inputs"] = row.inputs;
  json["inputs_per_output"] = row.inputs_per_output;
  json["parameter_share"] = share(row.parameters, total.parameters);
  json["mac_share"] = share(row.macs, total.macs);
  json["training_bytes"] = row.training_bytes;
  json["evaluation_bytes"] = row.evaluation_bytes;
  return json;
}

void print_json(const Network& network, const std::vector<LayerRow>& rows, const LayerRow& total,
                const MemoryNeeds& memory, const std::vector<CliffWarning>& warnings) {
  Json json;
  json["input"] = to_json(network.input());
  json["layers"] = Json::array();
  for (std::size_t i = 0; i < rows.size(); ++i)
    json["layers"].push_back(layer_json(network.layers()[i], rows[i], total));
  json["totals"] = {{"parameters", total.parameters},
                    {"macs", total.macs},
                    {"activations", total.activations},
                    {"batch_size", memory.batch_size},
                    {"threads", memory.threads},
                    {"training_bytes", memory.training_bytes},
                    {"evaluation_bytes", memory.evaluation_bytes}};
  json["warnings"] = Json::array();
  for (const CliffWarning& w : warnings)
    json["warnings"].push_back({{"layer", w.layer},
                                {"kind", w.kind},
                                {"before", w.before},
                                {"after", w.after},
                                {"message", w.message}});
  print_out("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
}

}  // namespace

void print_layers(const Inspected& inspected, TableFormat format, int threads) {
  const TrainingSpec& training = inspected.config.training;
  const auto network = inspected.network(training.batch_size);
  std::vector<LayerRow> rows = layer_rows(*network);
  set_memory(rows, training.optimizer, training.batch_size);
  LayerRow total;
  for (const LayerRow& row : rows) {
    total.parameters += row.parameters;
    total.macs += row.macs;
    total.activations += row.activations;
  }
  const std::int64_t parameters = network->parameter_floats() * static_cast<std::int64_t>(sizeof(float));
  const MemoryNeeds memory{
      .batch_size = training.batch_size,
      .threads = threads,
      .training_bytes = Trainer::bytes(*network, training, threads),
      .evaluation_bytes = Runner::bytes(*network, threads, false, training.batch_size) + parameters};
  const std::int64_t input_values = inspected.input.values();
  const auto warnings = cliff_warnings(input_values, rows);
  if (format == TableFormat::json) return print_json(*network, rows, total, memory, warnings);

  const Terminal terminal = terminal_of(STDOUT_FILENO);
  const std::string input = to_string(inspected.input);
  const bool markdown = format == TableFormat::markdown;
  print_out("{}\n", markdown ? markdown_layer_table(input, input_values, rows)
                             : detailed_layer_tables(input, input_values, rows, memory, terminal));
  const auto say = [&](const std::string& sentence) {
    print_out("{}\n", markdown ? "- " + markdown_text(sentence) : wrapped(sentence, terminal.columns, 2));
  };
  const std::vector<std::string> sharing = sharing_sentences(rows);
  if (!sharing.empty())
    print_out("{}\n{}", markdown ? kSharingHead : wrapped(kSharingHead, terminal.columns, 2),
              markdown ? "\n" : "");
  for (const std::string& sentence : sharing) say(sentence);
  for (const CliffWarning& warning : warnings)
    say(terminal.color && !markdown ? terminal.yellow("warning:") + " " + warning.message
                                    : "warning: " + warning.message);
}

}  // namespace cnn
