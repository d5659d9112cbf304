#include "page/network_data.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "core/text.h"
#include "inspect/layer_rows.h"
#include "report/html.h"

namespace cnn {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const Shape& shape) { return {shape.c, shape.h, shape.w}; }
Json to_json(Size2 size) { return {size.h, size.w}; }

Json to_json(const Window& window) {
  const Size2 before = window.padding, after = window.padding_after;
  return {{"kernel", to_json(window.kernel)},
          {"stride", to_json(window.stride)},
          {"dilation", to_json(window.dilation)},
          {"padding", {before.h, before.w, after.h, after.w}}};
}

void set_activation(Json& json, ActivationFunction function, double negative_slope = 0.01) {
  json["activation"] = word_of(function);
  json["negativeSlope"] = negative_slope;
}

// What a type of layer adds to its JSON. A type that is forgotten here does not compile.

void add_settings(Json& json, const ConvSpec& conv, const Node& node) {
  json["window"] = to_json(node.layer->window(node.in));
  json["groups"] = conv.groups;
  set_activation(json, conv.activation);
}

void add_settings(Json& json, const MaxPoolSpec&, const Node& node) {
  json["window"] = to_json(node.layer->window(node.in));
}

void add_settings(Json& json, const AvgPoolSpec& pool, const Node& node) {
  json["window"] = to_json(node.layer->window(node.in));
  json["window"]["countIncludePad"] = pool.count_include_pad;
}

void add_settings(Json& json, const GlobalAvgPoolSpec&, const Node& node) {
  const Size2 map{node.in.h, node.in.w};
  json["window"] = to_json(Window{.kernel = map, .stride = map});
  json["window"]["countIncludePad"] = false;
}

void add_settings(Json&, const FlattenSpec&, const Node&) {}
void add_settings(Json& json, const DenseSpec& dense, const Node&) { set_activation(json, dense.activation); }
void add_settings(Json& json, const DropoutSpec& dropout, const Node&) { json["p"] = dropout.p; }
void add_settings(Json& json, const ScaleSpec& scale, const Node&) { json["factor"] = scale.factor; }
void add_settings(Json&, const ExcitationSpec&, const Node&) {}
void add_settings(Json& json, const SumSpec& sum, const Node&) { set_activation(json, sum.activation); }

void add_settings(Json& json, const BatchNormSpec& norm, const Node&) {
  json["eps"] = norm.eps;
  set_activation(json, norm.activation);
}

void add_settings(Json& json, const ActivationSpec& activation, const Node&) {
  set_activation(json, activation.function, activation.negative_slope);
}

/// Float32 numbers one after the other, as a page reads them.
class FloatText {
 public:
  /// Returns the offset in floats.
  std::size_t add(std::span<const float> values) {
    static_assert(std::endian::native == std::endian::little);
    const std::size_t offset = bytes_.size() / sizeof(float);
    bytes_.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
    return offset;
  }
  std::string text() const { return base64(bytes_); }

 private:
  std::string bytes_;
};

/// The tensors of one node, by what follows its name.
Json parameters_json(const Network& network, const std::string& node, FloatText& weights) {
  Json json = Json::object();
  for (const char* name : {"weight", "bias", "running_mean", "running_var"})
    if (const Tensor* tensor = network.find(node + "." + name))
      json[name] = {{"shape", tensor->shape}, {"offset", weights.add(tensor->values)}};
  return json;
}

/// Who wrote a value of the graph: the number of a node; -1: the input.
std::map<int, int> writers_of(const Graph& graph) {
  std::map<int, int> writers{{0, -1}};
  for (std::size_t n = 0; n < graph.nodes().size(); ++n) writers[graph.nodes()[n].y] = static_cast<int>(n);
  return writers;
}

/// The innermost residual around each node, by its path "/network/3/layers/0"; null: none.
Json residual_of(const Graph& graph, const Node& node) {
  const bool in_shortcut = !node.is_row;
  const std::size_t cut = node.path.rfind("/layers/");
  if (!in_shortcut && cut == std::string::npos) return nullptr;
  const std::string around = node.path.substr(0, in_shortcut ? node.path.rfind("/shortcut") : cut);
  for (std::size_t n = 0; n < graph.nodes().size(); ++n)
    if (graph.nodes()[n].path == around && graph.nodes()[n].is_row) return n;
  return nullptr;
}

/// What the tables say of an entry; its projection is part of a residual.
void add_costs(Json& json, const LayerSummary& row, const std::vector<CliffWarning>& warnings) {
  json["parameterCount"] = row.parameters;
  json["macs"] = row.macs;
  json["activations"] = row.out.values();
  json["receptiveField"] = to_json(row.receptive_field);
  json["denseParameters"] = row.dense_equivalent_parameters;
  json["warning"] = nullptr;
  for (const CliffWarning& warning : warnings)
    if (warning.layer == row.name) json["warning"] = warning.message;
}

class LayerList {
 public:
  LayerList(const Network& network, std::int64_t input_values)
      : network_(network),
        writers_(writers_of(network.graph())),
        warnings_(cliff_warnings(input_values, layer_rows(network))) {}

  Json layers(FloatText& weights) const {
    Json list = Json::array();
    for (const Node& node : network_.nodes()) list.push_back(layer(node, weights));
    return list;
  }

 private:
  Json layer(const Node& node, FloatText& weights) const {
    const bool has_shortcut = node.shortcut >= 0;
    const Shape in = network_.graph().values()[static_cast<std::size_t>(node.x)];
    Json json = {{"name", node.name},
                 {"type", node.layer->type()},
                 {"source", writers_.at(node.x)},
                 {"shortcut", has_shortcut ? Json(writers_.at(node.shortcut)) : Json()},
                 {"residual", residual_of(network_.graph(), node)},
                 {"isShortcut", !node.is_row},
                 {"inputShape", to_json(in)},
                 {"outputShape", to_json(node.out)},
                 {"flat", node.out.flat},
                 {"window", nullptr}};
    set_activation(json, ActivationFunction::none);
    std::visit([&](const auto& spec) { add_settings(json, spec, node); }, node.spec);
    json["parameters"] = parameters_json(network_, node.name, weights);
    add_costs(json, network_.layers()[static_cast<std::size_t>(node.entry)], warnings_);
    return json;
  }

  const Network& network_;
  std::map<int, int> writers_;
  std::vector<CliffWarning> warnings_;
};

/// The bytes of an image again, [c][h][w].
std::string pixels_of(const InputImages& images, int number, const Shape& shape) {
  const std::span<const float> values = images.image(number);
  const std::size_t map = values.size() / static_cast<std::size_t>(shape.c);
  std::string bytes;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double level = double{values[i]} * images.range.std[i / map] + images.range.mean[i / map];
    bytes += static_cast<char>(std::lround(255 * std::clamp(level, 0.0, 1.0)));
  }
  return bytes;
}

Json examples_json(const InputImages& images, const Shape& shape) {
  Json list = Json::array();
  for (int n = 0; n < images.count(); ++n) {
    const auto number = static_cast<std::size_t>(n);
    const int label = images.labels[number];
    list.push_back({{"name", std::filesystem::path(images.names[number]).filename().string()},
                    {"label", label < 0 ? Json() : Json(label)},
                    {"pixels", base64(pixels_of(images, n, shape))}});
  }
  return list;
}

Json input_json(const Inspected& inspected) {
  const ImageSpec& image = inspected.config.data.image;
  Json json = {{"channels", inspected.input.c},   {"height", inspected.input.h}, {"width", inspected.input.w},
               {"resize", word_of(image.resize)}, {"mean", inspected.mean},      {"std", inspected.std}};
  if (image.short_side > 0) json["short_side"] = image.short_side;
  if (image.background) json["background"] = *image.background;
  return json;
}

/// JSON text in a <script> element: no tag and no comment of HTML can begin in it.
std::string for_script(const std::string& json) {
  std::string text;
  for (const char c : json)
    if (c == '<')
      text += "\\u003c";
    else
      text += c;
  return text;
}

}  // namespace

std::string network_data(const Inspected& inspected, Network& network, const InputImages& examples) {
  FloatText weights;
  const LayerList list(network, inspected.input.values());
  Json json = {{"name", std::filesystem::path(inspected.label).filename().string()},
               {"title", inspected.config.name},
               {"classes", inspected.classes},
               {"input", input_json(inspected)}};
  std::int64_t parameters = 0, macs = 0, activations = 0;
  for (const LayerSummary& layer : network.layers()) {
    parameters += layer.parameters;
    macs += layer.macs;
    activations += layer.out.values();
  }
  json["parameters"] = parameters;
  json["macs"] = macs;
  json["activations"] = activations;
  json["layers"] = list.layers(weights);
  json["examples"] = examples_json(examples, inspected.input);
  json["weights"] = weights.text();
  return for_script(json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace cnn
