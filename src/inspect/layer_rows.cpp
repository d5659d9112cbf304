#include "inspect/layer_rows.h"

#include <algorithm>

#include "nn/frozen_front.h"
#include "train/optimizer.h"

namespace cnn {
namespace {

/// "2" for two equal sides, else "2x1".
std::string short_text(Size2 size) { return size.h == size.w ? std::to_string(size.h) : to_string(size); }

/// "1", or above and left, below and right where they differ: "0/1".
std::string padding_text(const Window& window) {
  const std::string before = short_text(window.padding);
  return window.padding == window.padding_after ? before : before + "/" + short_text(window.padding_after);
}

bool has_parameters(const Node& node) { return node.parameters > 0; }

/// The rows up to the first layer that learns, if there are weights before it.
void mark_frozen(const Network& network, std::vector<LayerRow>& rows) {
  const std::vector<Node>& nodes = network.nodes();
  const auto front = nodes.begin() + frozen_front(network, 1);
  if (std::none_of(nodes.begin(), front, has_parameters)) return;
  const auto learning = std::find_if(front, nodes.end(), has_parameters);
  for (auto node = nodes.begin(); node != nodes.end() && node <= learning; ++node)
    rows[static_cast<std::size_t>(node->entry)].input_is_frozen = true;
}

}  // namespace

std::vector<LayerRow> layer_rows(const Network& network) {
  std::vector<LayerRow> rows;
  for (const LayerSummary& layer : network.layers()) {
    LayerRow row{.name = layer.name,
                 .type = layer.type,
                 .input = to_string(layer.in),
                 .output = to_string(layer.out),
                 .channels = layer.out.c,
                 .height = layer.out.h,
                 .width = layer.out.w,
                 .flat = layer.out.flat,
                 .reads_whole_map = layer.window.whole_map,
                 .outputs_key = layer.outputs_key,
                 .activations = layer.out.values(),
                 .parameters = layer.parameters,
                 .macs = layer.macs,
                 .dense_equivalent_parameters = layer.dense_equivalent_parameters,
                 .receptive_field = to_string(layer.receptive_field),
                 .inputs = layer.in.values(),
                 .inputs_per_output = layer.inputs_per_output};
    if (layer.effective_stride.h > 0) row.effective_stride = short_text(layer.effective_stride);
    if (layer.window.slides) {
      row.kernel = to_string(layer.window.kernel);
      row.stride = short_text(layer.window.stride);
      row.padding = padding_text(layer.window);
      row.dilation = short_text(layer.window.dilation);
      row.groups = std::max(layer.window.groups, 1);
    }
    rows.push_back(std::move(row));
  }
  mark_frozen(network, rows);
  return rows;
}

void set_memory(std::vector<LayerRow>& rows, const OptimizerSpec& optimizer, std::int64_t batch_size) {
  constexpr auto kFloat = static_cast<std::int64_t>(sizeof(float));
  for (LayerRow& row : rows) {
    const std::int64_t values = row.activations * batch_size * kFloat, parameters = row.parameters * kFloat;
    row.evaluation_bytes = values + parameters;
    row.training_bytes = 2 * values + 2 * parameters + Optimizer::moment_bytes(optimizer, row.parameters);
  }
}

}  // namespace cnn
