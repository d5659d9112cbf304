#include "export/onnx.h"

#include <algorithm>
#include <deque>
#include <nlohmann/json.hpp>
#include <set>

#include "core/words.h"
#include "export/image_json.h"
#include "export/onnx_model.h"

namespace cnn {
namespace {

using Json = nlohmann::ordered_json;
using Integers = std::vector<std::int64_t>;

Integers pair_of(Size2 size) { return {size.h, size.w}; }
Integers pads_of(Size2 before, Size2 after) { return {before.h, before.w, after.h, after.w}; }

/// Writes a plan into a model, step by step.
class OnnxGraph {
 public:
  OnnxGraph(const ExportPlan& plan, OnnxInput input) : plan_(plan), input_(input), model_(plan.name) {}

  std::string text(const std::string& version) {
    tensors_.resize(plan_.values.size());
    add_input();
    for (const ExportStep& step : plan_.steps)
      std::visit([&](const auto& action) { add(step, action); }, step.action);
    add_output();
    add_metadata(version);
    return model_.text("cnn-export", version,
                       "Normalization is part of the graph: do not apply it again. The metadata has the "
                       "names of the classes in the order of the outputs, and the size of the image.");
  }

 private:
  // --- Names: a tensor is called as the layer that writes it. ---
  std::string unused(const std::string& name) {
    std::string free = name;
    for (int i = 2; !names_.insert(free).second; ++i) free = name + "." + std::to_string(i);
    return free;
  }
  /// A node of a layer, and its output, which is called like it.
  std::string node(const char* operation, const std::string& name, std::vector<std::string> inputs,
                   std::vector<OnnxAttribute> attributes = {}) {
    const std::string output = unused(name);
    model_.add_node(operation, output, std::move(inputs), output, std::move(attributes));
    return output;
  }
  std::string weight(const std::string& name, Integers shape, std::span<const float> values) {
    const std::string free = unused(name);
    model_.add_weight(free, std::move(shape), values);
    return free;
  }
  /// Numbers that are no tensor of the plan; kept until the file is written.
  std::string constant(const std::string& name, Integers shape, std::vector<float> values) {
    constants_.push_back(std::move(values));
    return weight(name, std::move(shape), constants_.back());
  }
  std::string number(const std::string& name, float value) { return constant(name, {}, {value}); }

  const std::string& x_of(const ExportStep& step) const { return tensors_[static_cast<std::size_t>(step.x)]; }
  void finish(const ExportStep& step, std::string output) {
    tensors_[static_cast<std::size_t>(step.y)] = activated(step, std::move(output));
  }
  /// [1, C, 1, 1], or [1, C] if the value is flat.
  static Integers per_channel(const Shape& shape) {
    if (shape.flat) return {1, shape.c};
    return {1, shape.c, 1, 1};
  }
  /// The name of a node that belongs to a step: "conv1.relu".
  static std::string part(const ExportStep& step, const char* what) { return step.name + "." + what; }

  void add_input() {
    names_ = {"image", "logits", "probabilities"};
    const ImageSpec& image = plan_.image;
    std::string x = "image";
    if (input_ == OnnxInput::floats) {
      model_.add_input({"image", OnnxType::float32, {"N", image.channels, image.height, image.width}});
    } else {
      model_.add_input({"image", OnnxType::uint8, {"N", image.height, image.width, image.channels}});
      x = node("Cast", "image.float", {x}, {{"to", std::int64_t{1}}});
      x = node("Transpose", "image.channels_first", {x}, {{"perm", Integers{0, 3, 1, 2}}});
      x = node("Div", "image.to_1", {x, number("image.255", 255.0f)});
    }
    const auto is = [](double value) { return [value](double other) { return other == value; }; };
    if (!std::ranges::all_of(plan_.mean, is(0)) || !std::ranges::all_of(plan_.std, is(1))) {
      const Integers shape{1, image.channels, 1, 1};
      x = node("Sub", "normalize.minus_mean",
               {x, constant("normalize.mean", shape, {plan_.mean.begin(), plan_.mean.end()})});
      x = node("Div", "normalize.by_std",
               {x, constant("normalize.std", shape, {plan_.std.begin(), plan_.std.end()})});
    }
    tensors_[0] = x;
  }

  void add(const ExportStep& step, const ExportConv& conv) {
    const Shape &in = plan_.in(step), &out = plan_.out(step);
    const std::string w =
        weight(part(step, "weight"), {out.c, in.c / conv.groups, conv.kernel.h, conv.kernel.w}, conv.weight);
    const std::string b = weight(part(step, "bias"), {out.c}, conv.bias);
    finish(step, node("Conv", step.name, {x_of(step), w, b},
                      {{"dilations", pair_of(conv.dilation)},
                       {"group", std::int64_t{conv.groups}},
                       {"kernel_shape", pair_of(conv.kernel)},
                       {"pads", pads_of(conv.before, conv.after)},
                       {"strides", pair_of(conv.stride)}}));
  }
  void add(const ExportStep& step, const ExportDense& dense) {
    std::string x = x_of(step);
    if (!plan_.in(step).flat) x = node("Flatten", part(step, "flat"), {x}, {{"axis", std::int64_t{1}}});
    const std::string w =
        weight(part(step, "weight"), {static_cast<std::int64_t>(dense.bias.size()), plan_.in(step).values()},
               dense.weight);
    const std::string b =
        weight(part(step, "bias"), {static_cast<std::int64_t>(dense.bias.size())}, dense.bias);
    finish(step, node("Gemm", step.name, {x, w, b}, {{"transB", std::int64_t{1}}}));
  }
  void add(const ExportStep& step, const ExportAffine& affine) {
    const Integers shape = per_channel(plan_.out(step));
    const std::string product =
        node("Mul", part(step, "product"), {x_of(step), weight(part(step, "factor"), shape, affine.factor)});
    finish(step, node("Add", step.name, {product, weight(part(step, "term"), shape, affine.term)}));
  }
  void add(const ExportStep& step, const ExportPool& pool) {
    if (pool.whole_map) return finish(step, node("GlobalAveragePool", step.name, {x_of(step)}));
    std::vector<OnnxAttribute> attributes{{"kernel_shape", pair_of(pool.kernel)},
                                          {"pads", pads_of(pool.padding, pool.padding)},
                                          {"strides", pair_of(pool.stride)}};
    const bool average = pool.kind == ExportPool::Kind::average;
    if (average) attributes.push_back({"count_include_pad", std::int64_t{pool.count_padding}});
    finish(step, node(average ? "AveragePool" : "MaxPool", step.name, {x_of(step)}, std::move(attributes)));
  }
  void add(const ExportStep& step, const ExportFlatten&) {
    finish(step, node("Flatten", step.name, {x_of(step)}, {{"axis", std::int64_t{1}}}));
  }
  void add(const ExportStep& step, const ExportActivation&) { finish(step, x_of(step)); }
  void add(const ExportStep& step, const ExportSum&) {
    finish(step, node("Add", step.name, {x_of(step), tensors_[static_cast<std::size_t>(step.shortcut)]}));
  }

  /// [N, C, 1, 1] is broadcast over the maps.
  void add(const ExportStep& step, const ExportProduct&) {
    finish(step, node("Mul", step.name, {x_of(step), tensors_[static_cast<std::size_t>(step.shortcut)]}));
  }

  /// Opset 17 has no GELU and no SiLU: they are written out.
  std::string activated(const ExportStep& step, std::string x) {
    const Activation& activation = step.activation;
    const std::string name = part(step, std::string(word_of(activation.function)).c_str());
    switch (activation.function) {
      case ActivationFunction::none:
        return x;
      case ActivationFunction::relu:
        return node("Relu", name, {x});
      case ActivationFunction::relu6:
        return node("Clip", name, {x, number(name + ".least", 0.0f), number(name + ".most", 6.0f)});
      case ActivationFunction::leaky_relu:
        return node("LeakyRelu", name, {x}, {{"alpha", activation.negative_slope}});
      case ActivationFunction::elu:
        return node("Elu", name, {x}, {{"alpha", 1.0f}});
      case ActivationFunction::sigmoid:
        return node("Sigmoid", name, {x});
      case ActivationFunction::hard_sigmoid:
        return node("HardSigmoid", name, {x}, {{"alpha", 1.0f / 6}, {"beta", 0.5f}});
      case ActivationFunction::hard_swish:
        return node("HardSwish", name, {x});
      case ActivationFunction::tanh:
        return node("Tanh", name, {x});
      case ActivationFunction::silu:
        return node("Mul", name, {x, node("Sigmoid", name + ".sigmoid", {x})});
      case ActivationFunction::gelu: {  // x * (0.5 + 0.5 * erf(x / sqrt(2)))
        const std::string scaled =
            node("Mul", name + ".scaled", {x, number(name + ".inverse_root_2", 0.70710678118654752f)});
        const std::string erf = node("Erf", name + ".erf", {scaled});
        const std::string half = number(name + ".half", 0.5f);
        const std::string halved = node("Mul", name + ".halved", {erf, half});
        return node("Mul", name, {x, node("Add", name + ".cdf", {halved, half})});
      }
    }
    return x;
  }

  void add_output() {
    const std::string& last = tensors_[static_cast<std::size_t>(plan_.output)];
    const std::int64_t classes = plan_.values[static_cast<std::size_t>(plan_.output)].c;
    model_.add_node("Flatten", "logits", {last}, "logits", {{"axis", std::int64_t{1}}});
    model_.add_node("Softmax", "probabilities", {"logits"}, "probabilities", {{"axis", std::int64_t{1}}});
    for (const char* name : {"probabilities", "logits"})
      model_.add_output({name, OnnxType::float32, {"N", classes}});
  }

  void add_metadata(const std::string& version) {
    model_.add_metadata("classes", Json(plan_.classes).dump());
    Json about = image_json(plan_.image);
    about["layout"] = input_ == OnnxInput::floats ? "NCHW" : "NHWC";
    about["values"] = input_ == OnnxInput::floats ? "0..1" : "0..255";
    model_.add_metadata("image", about.dump());
    model_.add_metadata("normalize",
                        Json{{"mean", plan_.mean}, {"std", plan_.std}, {"applied", "inside"}}.dump());
    model_.add_metadata("producer", "cnn-export " + version);
  }

  const ExportPlan& plan_;
  const OnnxInput input_;
  OnnxModel model_;
  std::vector<std::string> tensors_;  // of each value of the plan
  std::set<std::string> names_;
  std::deque<std::vector<float>> constants_;
};

}  // namespace

std::string onnx_text(const ExportPlan& plan, OnnxInput input, const std::string& version) {
  return OnnxGraph(plan, input).text(version);
}

}  // namespace cnn
