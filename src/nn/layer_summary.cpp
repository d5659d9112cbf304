#include "nn/layer_summary.h"

#include <algorithm>

namespace cnn {
namespace {

/// Inputs along one side that an output reads, at most: padding is no input.
int inputs_along(int size, int outputs, int kernel, int stride, int dilation, int padding) {
  int most = 0;
  for (int o = 0; o < outputs; ++o) {
    int inside = 0;
    for (int k = 0; k < kernel; ++k) {
      const int i = o * stride + k * dilation - padding;
      inside += i >= 0 && i < size;
    }
    most = std::max(most, inside);
  }
  return most;
}

std::int64_t inputs_per_output(const Window& w, const Shape& in, const Shape& out) {
  const std::int64_t channels = w.groups > 0 ? in.c / w.groups : 1;
  if (w.whole_map) return channels * in.h * in.w;
  if (out.flat != in.flat) return 1;  // the values themselves in a row
  return channels * inputs_along(in.h, out.h, w.kernel.h, w.stride.h, w.dilation.h, w.padding.h) *
         inputs_along(in.w, out.w, w.kernel.w, w.stride.w, w.dilation.w, w.padding.w);
}

/// Along one side of the input: how many values one output sees, and how far apart the windows of neighboring
/// outputs lie.
struct SideField {
  std::int64_t size = 1, jump = 1;

  SideField through(int kernel, int stride, int dilation) const {
    return {size + std::int64_t{dilation} * (kernel - 1) * jump, jump * stride};
  }
};

struct Fields {
  SideField h, w;
};

Fields fields_of(const Node& node, const Fields& in, const Shape& input) {
  const Window window = node.layer->window(node.in);
  const bool single_values =
      node.out.flat && !node.in.flat;  // 1x1 maps, which a dense layer takes as they are
  if (window.whole_map && !single_values) return {{input.h, in.h.jump}, {input.w, in.w.jump}};
  if (window.whole_map) return in;
  return {in.h.through(window.kernel.h, window.stride.h, window.dilation.h),
          in.w.through(window.kernel.w, window.stride.w, window.dilation.w)};
}

/// A sum sees what its wider branch sees.
void cover(Fields& fields, const Fields& shortcut) {
  fields.h.size = std::max(fields.h.size, shortcut.h.size);
  fields.w.size = std::max(fields.w.size, shortcut.w.size);
}

int clipped(std::int64_t size, int most) { return static_cast<int>(std::min<std::int64_t>(size, most)); }

void describe(LayerSummary& row, const Node& node, const Fields& fields, const Shape& input) {
  row.name = node.name;
  row.type = node.layer->type();
  row.outputs_key = node.layer->outputs_key();
  row.in = node.in;
  row.out = node.out;
  row.dense_equivalent_parameters = node.layer->dense_equivalent_parameters(node.in);
  row.receptive_field = {clipped(fields.h.size, input.h), clipped(fields.w.size, input.w)};
  if (!node.out.flat && node.out.h * node.out.w > 1)
    row.effective_stride = {static_cast<int>(fields.h.jump), static_cast<int>(fields.w.jump)};
  row.window = node.layer->window(node.in);
  const bool is_sum = node.shortcut >= 0 && !row.window.whole_map;
  row.inputs_per_output = is_sum ? 2 : inputs_per_output(row.window, node.in, node.out);
}

}  // namespace

std::vector<LayerSummary> summarize(const Graph& graph) {
  std::vector<LayerSummary> rows(static_cast<std::size_t>(graph.entries()));
  std::vector<Fields> fields(graph.values().size());
  for (const Node& node : graph.nodes()) {
    LayerSummary& row = rows[static_cast<std::size_t>(node.entry)];
    Fields& out = fields[static_cast<std::size_t>(node.y)];
    out = fields_of(node, fields[static_cast<std::size_t>(node.x)], graph.input());
    if (node.shortcut >= 0) cover(out, fields[static_cast<std::size_t>(node.shortcut)]);
    row.parameters += node.parameters;
    row.macs += node.layer->macs(graph.values()[static_cast<std::size_t>(node.x)]);
    if (node.is_row) describe(row, node, out, graph.input());
  }
  return rows;
}

}  // namespace cnn
