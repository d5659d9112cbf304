#include "nn/graph.h"

#include <spdlog/fmt/fmt.h>

#include <limits>

#include "core/block.h"
#include "core/text.h"

namespace cnn {
namespace {

/// The stride of a 1x1 convolution that takes `from` values along a side to `to`: ceil(from / stride) == to.
/// 0: none does.
int stride_between(int from, int to) {
  for (int stride = 1; stride <= from; ++stride)
    if ((from + stride - 1) / stride == to) return stride;
  return 0;
}

}  // namespace

Graph::Graph(const NetworkSpec& spec, const Shape& input, int classes) : values_{input} {
  add_entries(spec, {}, 0);
  check_output(classes);
}

void Graph::check_output(int classes) const {
  const Node& last = nodes_.back();
  if (last.out.h != 1 || last.out.w != 1)
    throw SpecError(last.path,
                    fmt::format("the last entry outputs {}, but must output one value per class; end with "
                                "flatten and dense, or with global_avg_pool\n{}",
                                to_string(last.out), chain()));
  if (classes > 0 && last.out.c != classes)
    throw SpecError(last.path,
                    fmt::format("the network outputs {} values, but the data has {} classes; make the last "
                                "layer's size {}\n{}",
                                last.out.c, classes, classes, chain()));
}

int Graph::add_entries(const NetworkSpec& spec, const LayerControl& outer, int value) {
  for (const LayerSpec& entry : spec) value = add_entry(entry, outer, value);
  return value;
}

int Graph::add_entry(const LayerSpec& entry, const LayerControl& outer, int value) {
  return std::visit(
      [&](auto spec) {
        using Spec = decltype(spec);
        if constexpr (std::is_same_v<Spec, ResidualSpec>) {
          return add_residual(entry, spec, outer, value);
        } else if constexpr (std::is_same_v<Spec, SqueezeExciteSpec>) {
          return add_squeeze_excite(entry, spec, outer, value);
        } else {
          if constexpr (std::is_same_v<Spec, ConvSpec>) note_whitening(entry, spec, value);
          if constexpr (requires { spec.control; }) spec.control = combined(outer, spec.control);
          Node node;
          node.spec = std::move(spec);
          node.name = entry.name;
          node.path = entry.path;
          node.entry = entries_;
          node.x = value;
          value = add_node(std::move(node));
          ++entries_;
          return value;
        }
      },
      entry.spec);
}

void Graph::note_whitening(const LayerSpec& entry, const ConvSpec& conv, int value) {
  if (conv.weight_init != WeightInit::whitening) return;
  if (value != 0)
    throw SpecError(entry.path + "/weight_init",
                    "whitening makes filters from the images, so only the first entry of the network can "
                    "have it\n" +
                        chain());
  whitening_ = {entry.name + ".weight", conv.dilation};
}

int Graph::add_residual(const LayerSpec& entry, const ResidualSpec& spec, const LayerControl& outer,
                        int value) {
  const LayerControl control = combined(outer, spec.control);
  const int branch = add_entries(spec.layers, control, value);
  const Shape in = values_[value], out = values_[branch];
  const bool projection = spec.shortcut == ResidualSpec::Shortcut::projection;
  const int shortcut = projection ? add_projection(entry, control, value, out) : value;
  if (values_[shortcut] != out)
    throw SpecError(
        entry.path + "/shortcut",
        fmt::format(
            "an identity shortcut adds the input {} to the output of the layers {}: the shapes must be "
            "equal; use \"projection\", or change stride and channels of the layers\n{}",
            to_string(values_[shortcut]), to_string(out), chain()));
  Node sum;
  sum.spec = SumSpec{spec.activation};
  sum.name = entry.name;
  sum.path = entry.path;
  sum.entry = entries_;
  sum.x = branch;
  sum.shortcut = shortcut;
  const int y = add_node(std::move(sum));
  nodes_.back().in = in;  // what a table shows: the entry's input
  ++entries_;
  return y;
}

int Graph::add_squeeze_excite(const LayerSpec& entry, const SqueezeExciteSpec& spec,
                              const LayerControl& outer, int value) {
  const Shape in = values_[value];
  if (in.flat)
    throw SpecError(entry.path, fmt::format("squeeze_excite needs maps, but its input is a flat vector of {} "
                                            "values; move it before flatten\n{}",
                                            in.c, chain()));
  const auto conv = [&](int channels, ActivationFunction activation) {
    ConvSpec conv;
    conv.out_channels = channels;
    conv.kernel_size = {1, 1};
    conv.activation = activation;
    conv.control = combined(outer, spec.control);
    return conv;
  };
  const auto add = [&](NodeSpec of_node, const char* suffix, int x, int shortcut) {
    Node node;
    node.spec = std::move(of_node);
    node.name = entry.name + suffix;
    node.path = entry.path;
    node.entry = entries_;
    node.is_row = *suffix == '\0';
    node.x = x;
    node.shortcut = shortcut;
    return add_node(std::move(node));
  };
  const int mean = add(GlobalAvgPoolSpec{}, ".squeeze", value, -1);
  const int squeezed = add(conv(spec.squeeze_channels, spec.inner_activation), ".fc1", mean, -1);
  const int factors = add(conv(in.c, spec.gate), ".fc2", squeezed, -1);
  const int y = add(ExcitationSpec{}, "", value, factors);
  ++entries_;
  return y;
}

int Graph::add_projection(const LayerSpec& entry, const LayerControl& control, int value, const Shape& out) {
  const Shape in = values_[value];
  if (in.flat || out.flat)
    throw SpecError(entry.path + "/shortcut",
                    fmt::format("a projection is a 1x1 convolution and needs maps, but the entry goes from "
                                "{} to {}\n{}",
                                to_string(in), to_string(out), chain()));
  ConvSpec conv;
  conv.out_channels = out.c;
  conv.kernel_size = {1, 1};
  conv.stride = {stride_between(in.h, out.h), stride_between(in.w, out.w)};
  if (conv.stride.h == 0 || conv.stride.w == 0)
    throw SpecError(entry.path + "/shortcut", fmt::format("no stride of a 1x1 convolution takes {} to {}\n{}",
                                                          to_string(in), to_string(out), chain()));
  conv.bias = false;
  conv.control = control;
  BatchNormSpec norm;
  norm.control = control;
  const auto add = [&](NodeSpec spec, const char* suffix) {
    Node node;
    node.spec = std::move(spec);
    node.name = entry.name + suffix;
    node.path = entry.path + "/shortcut";
    node.entry = entries_;
    node.is_row = false;
    node.x = value;
    value = add_node(std::move(node));
  };
  add(conv, ".shortcut");
  add(norm, ".shortcut_norm");
  return value;
}

/// Takes a node with spec, names and inputs; makes its layer and its output.
int Graph::add_node(Node node) {
  node.layer = std::visit([](const auto& spec) { return make_layer(spec); }, node.spec);
  node.in = values_[node.x];
  node.y = static_cast<int>(values_.size());
  try {
    node.out = node.layer->output_shape(node.in);
  } catch (const LayerError& error) {
    throw SpecError(error.key().empty() ? node.path : node.path + "/" + error.key(),
                    std::string(error.what()) + "\n" + chain());
  }
  // Offsets inside a block are 32-bit.
  constexpr std::int64_t kMostValues = std::numeric_limits<std::int32_t>::max() / kLanes / 4;
  if (node.out.values() > kMostValues)
    throw SpecError(node.path,
                    fmt::format("its output {} has more than {} values; make the layer smaller\n{}",
                                to_string(node.out), with_commas(kMostValues), chain()));
  values_.push_back(node.out);
  nodes_.push_back(std::move(node));
  return nodes_.back().y;
}

std::string Graph::chain() const {
  std::string text = "  shapes so far: input " + to_string(input());
  for (const Node& node : nodes_)
    if (node.is_row) text += fmt::format(" -> {} {}", node.name, to_string(node.out));
  return text;
}

}  // namespace cnn
