#include "config/network_table.h"

#include <map>

#include "config/control_keys.h"

namespace cnn {
namespace {

constexpr const char* kPoolActivation =
    "a pool only selects or averages values and has no activation; put it on the conv before the pool, or "
    "add {\"type\": \"activation\"} after it";

KindOf<ActivationFunction> activation_function(bool with_none) {
  using A = ActivationFunction;
  std::vector<Choice<A>::Refused> refused{{"softmax",
                                           "softmax is part of the loss and is applied there; leave it out "
                                           "(the last entry yields one plain value per class)"}};
  if (with_none)
    refused.push_back({"linear", "a linear activation does nothing; write \"none\" or leave the key out"});
  else
    refused.push_back({"none", "an activation entry without a function does nothing; leave the entry out"});
  return choice<A>(std::move(refused), with_none ? std::vector<A>{} : std::vector{A::none});
}

template <class S>
Field<S> activation_key() {
  return optional_key("activation", &S::activation, activation_function(true),
                      "Non-linearity applied to the output.");
}

KindOf<WeightInit> weight_init(bool of_conv) {
  using W = WeightInit;
  if (of_conv) return choice<W>();
  const std::vector<W> of_windows{W::dirac, W::partial_dirac, W::whitening};
  std::vector<Choice<W>::Refused> refused;
  for (const W init : of_windows)
    refused.push_back(
        {std::string(word_of(init)),
         fmt::format("\"{}\" works on the windows of a convolution; only conv has it", word_of(init))});
  return choice<W>(std::move(refused), of_windows);
}

/// A key about a bias, for an entry that may have none.
template <class S>
Field<S> bias_init_key() {
  Field<S> field =
      optional_key("bias_init", &S::bias_init, choice<BiasInit>(),
                   "How the bias starts: `uniform` as in PyTorch, U(-b, b) with b = 1 / sqrt(inputs of an "
                   "output), or `zeros`.");
  field.write = [write = field.write](const S& spec, ConfigUse use) {
    return spec.bias ? write(spec, use) : std::nullopt;
  };
  return field;
}

/// What is wrong with keys about a bias that an entry does not have.
template <class S>
bool check_bias_keys(const Place& place, const S& spec) {
  const bool good = check_control_keys(place, true, spec.bias);
  if (spec.bias || !place.has("bias_init")) return good;
  return place.error_at_key("bias_init", "this entry has no bias (\"bias\" is false); leave it out");
}

/// true, false or "bias".
class AffineKind : public Kind<BatchNormSpec::Affine> {
  using Affine = BatchNormSpec::Affine;

 public:
  bool read(const Place& place, Affine& out) const override {
    const JsonValue& value = place.value();
    if (value.kind == JsonValue::Kind::boolean)
      return out = value.boolean ? Affine::scale_and_bias : Affine::none, true;
    if (value.kind == JsonValue::Kind::string && value.text == "bias") return out = Affine::bias, true;
    return place.expected(words());
  }
  JsonValue write(const Affine& value) const override {
    if (value == Affine::bias) return "bias";
    return value == Affine::scale_and_bias;
  }
  JsonValue schema() const override {
    return JsonValue::object().set("enum",
                                   JsonValue::array({JsonValue(true), JsonValue(false), JsonValue("bias")}));
  }
  std::string words() const override { return "true, false or \"bias\""; }
};

Table<ConvSpec> conv_table() {
  Table<ConvSpec> table{
      "conv",
      "2-d convolution (cross-correlation, as in PyTorch): every output map is a weighted sum of small "
      "windows of the input maps.",
      {required_key("out_channels", &ConvSpec::out_channels, integer(1), "Number of output maps."),
       required_key("kernel_size", &ConvSpec::kernel_size, size(1), "Height and width of the window."),
       optional_key("stride", &ConvSpec::stride, size(1), "Step from one window to the next."),
       optional_key(
           "padding", &ConvSpec::padding, conv_padding(),
           "Zeros around the input: a number for all sides, or for each side (0 where none is given). "
           "`\"same\"` keeps the size (stride 1 only); `\"same_tensorflow\"`, as TensorFlow and Keras have "
           "it, gives size / stride outputs, rounded up, and pads more below and right where the sides "
           "differ; `\"valid\"` is 0."),
       optional_key("dilation", &ConvSpec::dilation, size(1), "Distance between the pixels of a window."),
       optional_key("groups", &ConvSpec::groups, integer(1),
                    "Splits the channels into independent groups; as many groups as channels is a depthwise "
                    "convolution."),
       optional_key("bias", &ConvSpec::bias, boolean(), "Add a learned constant per output map."),
       activation_key<ConvSpec>(),
       optional_key(
           "weight_init", &ConvSpec::weight_init, weight_init(true),
           "How the weight starts, after torch.nn.init: `kaiming_uniform` as PyTorch's layers do, U(-b, b) "
           "with b = 1 / sqrt(inputs of an output); `dirac`: the first outputs copy the inputs, the others "
           "are 0; `partial_dirac`: the others are `kaiming_uniform`; `whitening`, first entry only: filters "
           "that decorrelate the patches of the training images, and the negatives of these filters; at most "
           "2 * inputs of an output."),
       bias_init_key<ConvSpec>()}};
  add_control_keys(table);
  table.refused = {{"in_channels", "leave this key out: the input channels follow from the entry before"},
                   {"input_shape", "leave this key out: the input's shape is `image` in `data`"}};
  table.check = [](const Place& place, ConvSpec& conv) {
    if (conv.padding.mode == ConvPadding::Mode::same && conv.stride != Size2{1, 1})
      return place.error_at_member(
          "padding",
          fmt::format("\"same\" works with stride 1 only, and stride is {}; give the padding as a number, "
                      "such as half the kernel size, or use \"same_tensorflow\", the rule of TensorFlow and "
                      "Keras",
                      to_string(conv.stride)));
    if (!check_bias_keys(place, conv)) return false;
    if (conv.out_channels % conv.groups != 0)
      return place.error_at_member(
          "groups", fmt::format("{} groups do not divide the {} output channels evenly", conv.groups,
                                conv.out_channels));
    return true;
  };
  return table;
}

/// The keys that both pools have.
template <class S>
Table<S> pool_table(std::string type, std::string doc) {
  Table<S> table{std::move(type),
                 std::move(doc),
                 {required_key("kernel_size", &S::kernel_size, size(1), "Height and width of the window."),
                  optional_key("stride", &S::stride, optional_size(1),
                               "Step from one window to the next; windows may overlap.")
                      .defaults_to("`kernel_size`"),
                  optional_key("padding", &S::padding, size(0),
                               "Border around the input, per side; at most half the kernel size.")}};
  table.refused = {{"activation", kPoolActivation}};
  table.check = [](const Place& place, S& pool) {
    if (!pool.stride) pool.stride = pool.kernel_size;
    if (pool.padding.h > pool.kernel_size.h / 2 || pool.padding.w > pool.kernel_size.w / 2)
      return place.error_at_member(
          "padding",
          fmt::format("{} is more than half the kernel size {} (a window could lie in the border only); "
                      "use at most {}",
                      to_string(pool.padding), to_string(pool.kernel_size),
                      to_string(Size2{pool.kernel_size.h / 2, pool.kernel_size.w / 2})));
    return true;
  };
  return table;
}

Table<AvgPoolSpec> avg_pool_table() {
  auto table = pool_table<AvgPoolSpec>("avg_pool", "Mean of each window.");
  table.fields.push_back(optional_key("count_include_pad", &AvgPoolSpec::count_include_pad, boolean(),
                                      "Count the border's zeros when dividing."));
  return table;
}

Table<GlobalAvgPoolSpec> global_avg_pool_table() {
  Table<GlobalAvgPoolSpec> table{
      "global_avg_pool", "Mean of each map: one value per channel, whatever the size.", {}};
  table.refused = {{"activation", kPoolActivation}};
  return table;
}

Table<FlattenSpec> flatten_table() {
  Table<FlattenSpec> table{"flatten", "Joins all maps into one vector; needed before `dense`.", {}};
  table.refused = {
      {"activation",
       "flatten only changes the shape and has no activation; put it on the entry before or after"}};
  return table;
}

Table<DenseSpec> dense_table() {
  Table<DenseSpec> table{
      "dense",
      "Fully connected: every output reads every input. Its input must be flat (`flatten` or `dense` before "
      "it) or 1x1.",
      {required_key("units", &DenseSpec::units, integer(1),
                    "Number of outputs; in the last entry, the number of classes."),
       optional_key("bias", &DenseSpec::bias, boolean(), "Add a learned constant per output."),
       activation_key<DenseSpec>(),
       optional_key(
           "weight_init", &DenseSpec::weight_init, weight_init(false),
           "How the weight starts, after torch.nn.init; `kaiming_uniform` as PyTorch's layers do, U(-b, b) "
           "with b = 1 / sqrt(inputs)."),
       bias_init_key<DenseSpec>()}};
  add_control_keys(table);
  table.check = [](const Place& place, DenseSpec& dense) { return check_bias_keys(place, dense); };
  table.refused = {{"in_features", "leave this key out: the number of inputs follows from the entry before"}};
  return table;
}

Table<BatchNormSpec> batch_norm_table() {
  using Affine = BatchNormSpec::Affine;
  Table<BatchNormSpec> table{
      "batch_norm",
      "Shifts and scales each channel to mean 0 and variance 1: of the batch in training, of the running "
      "statistics in evaluation.",
      {optional_key("eps", &BatchNormSpec::eps, number(Interval::above(0)), "Added to the variance."),
       optional_key("momentum", &BatchNormSpec::momentum, number(Interval::closed(0, 1)),
                    "Weight of the new batch in the running statistics."),
       optional_key("affine", &BatchNormSpec::affine, KindOf<Affine>(std::make_shared<AffineKind>()),
                    "Learn a scale (`weight`) and a shift (`bias`) per channel; `\"bias\"`: only the shift."),
       activation_key<BatchNormSpec>()}};
  add_control_keys(table);
  table.fields.push_back(frozen_statistics_key<BatchNormSpec>());
  table.check = [](const Place& place, BatchNormSpec& norm) {
    return check_control_keys(place, norm.affine == Affine::scale_and_bias, norm.affine != Affine::none);
  };
  return table;
}

Table<DropoutSpec> dropout_table() {
  Table<DropoutSpec> table{
      "dropout",
      "In training, sets values to 0 at random and scales the others up; in evaluation it does nothing.",
      {optional_key("p", &DropoutSpec::p, number(Interval::half_open(0, 1)),
                    "Probability that a value becomes 0.")}};
  table.refused = {{"activation", "dropout has no activation; put it on the entry before"}};
  return table;
}

Table<ActivationSpec> activation_table() {
  Table<ActivationSpec> table{"activation",
                              "A non-linearity as an entry of its own.",
                              {required_key("function", &ActivationSpec::function, activation_function(false),
                                            "Which function; `gelu` is the exact one."),
                               optional_key("negative_slope", &ActivationSpec::negative_slope, number(),
                                            "Slope below 0, `leaky_relu` only.")}};
  table.prototype.function = ActivationFunction::leaky_relu;  // so that the reference shows its default slope
  table.refused = {{"activation", "name the non-linearity with the key \"function\"", "function"}};
  table.fields[1].write = [](const ActivationSpec& spec, ConfigUse) -> std::optional<JsonValue> {
    if (spec.function != ActivationFunction::leaky_relu) return {};
    return spec.negative_slope;
  };
  table.check = [](const Place& place, ActivationSpec& spec) {
    if (spec.function == ActivationFunction::leaky_relu || !place.has("negative_slope")) return true;
    return place.error_at_key(
        "negative_slope",
        fmt::format("only leaky_relu has a negative_slope, and function is \"{}\"; leave it out or use "
                    "leaky_relu",
                    place.member("function").value().text));
  };
  return table;
}

Table<ScaleSpec> scale_table() {
  Table<ScaleSpec> table{"scale",
                         "Multiplies every value by a fixed number.",
                         {required_key("factor", &ScaleSpec::factor, number(), "The number.")}};
  table.refused = {
      {"activation",
       "scale has no activation; put it on the entry before, or add {\"type\": \"activation\"} after it"}};
  return table;
}

Table<SqueezeExciteSpec> squeeze_excite_table() {
  Table<SqueezeExciteSpec> table{
      "squeeze_excite",
      "Multiplies each map by a factor that a small network makes of the means of all maps: a 1x1 "
      "convolution, `inner_activation`, a second 1x1 convolution, `gate`, both with bias (J. Hu et al., "
      "\"Squeeze-and-Excitation Networks\", arXiv:1709.01507). Its tensors are `fc1.weight`, `fc1.bias`, "
      "`fc2.weight` and `fc2.bias`, as in torchvision.",
      {required_key("squeeze_channels", &SqueezeExciteSpec::squeeze_channels, integer(1),
                    "Channels between the two convolutions; a quarter or a sixteenth of the maps is usual."),
       optional_key("inner_activation", &SqueezeExciteSpec::inner_activation, activation_function(true),
                    "Non-linearity between the two convolutions."),
       optional_key("gate", &SqueezeExciteSpec::gate, activation_function(true),
                    "Non-linearity that makes the factors; MobileNetV3 has `hard_sigmoid`.")}};
  add_control_keys(table);
  table.refused = {{"activation",
                    "squeeze_excite has no activation behind it; \"inner_activation\" is the one between its "
                    "convolutions, \"gate\" the one of its factors"},
                   {"reduction", "give the number of channels itself", "squeeze_channels"}};
  return table;
}

Table<ResidualSpec> residual_table() {
  Table<ResidualSpec> table{
      "residual",
      "A chain of entries whose result is added to a shortcut from its input (ResNet). Entries may be "
      "residuals themselves. The keys about learning apply to all entries inside: an entry learns if both it "
      "and the residual do, and their factors multiply.",
      {required_key("layers", &ResidualSpec::layers, chain_kind(), "The chain, as in `network`."),
       optional_key("shortcut", &ResidualSpec::shortcut, choice<ResidualSpec::Shortcut>(),
                    "`\"identity\"`: the input itself, shapes must agree; `\"projection\"`: a 1x1 conv "
                    "without bias and a "
                    "batch_norm make them agree."),
       activation_key<ResidualSpec>()}};
  add_control_keys(table);
  table.fields.push_back(frozen_statistics_key<ResidualSpec>());
  return table;
}

/// Chains contain residuals, which contain chains: the table of entries is looked up when it is needed.
class Chain : public Kind<NetworkSpec> {
 public:
  bool read(const Place& place, NetworkSpec& out) const override {
    const JsonValue& value = place.value();
    if (value.kind != JsonValue::Kind::array || value.items.empty()) return place.expected(words());
    bool good = true;
    out.clear();
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      const Place entry = place.element(i);
      LayerSpec& layer = out.emplace_back();
      layer.path = entry.pointer();
      good = layer_kind().read(entry, layer) && good;
    }
    return good;
  }
  JsonValue write(const NetworkSpec& network) const override {
    JsonValue list = JsonValue::array();
    for (const LayerSpec& layer : network) list.items.push_back(layer_kind().write(layer));
    return list;
  }
  JsonValue schema() const override {
    return JsonValue::object()
        .set("type", "array")
        .set("items", JsonValue::object().set("$ref", "#/$defs/layer"))
        .set("minItems", 1);
  }
  std::string words() const override {
    return "an array of at least one entry such as {\"type\": \"conv\", ...}";
  }
};

struct Naming {
  std::map<std::string, int> counts;               // entries seen so far, per type
  std::map<std::string, const LayerSpec*> owners;  // of a name
  std::vector<LayerSpec*> order;
  std::vector<bool> given;
};

void collect(const JsonValue& entries, NetworkSpec& network, Naming& naming) {
  for (std::size_t i = 0; i < network.size(); ++i) {
    LayerSpec& layer = network[i];
    const JsonValue& entry = entries.items[i];
    const std::string& type = entry.find("type")->text;
    const int number = ++naming.counts[type];
    naming.given.push_back(!layer.name.empty());
    if (layer.name.empty()) layer.name = fmt::format("{}{}", type, number);
    naming.order.push_back(&layer);
    if (auto* residual = std::get_if<ResidualSpec>(&layer.spec))
      collect(*entry.find("layers"), residual->layers, naming);
  }
}

}  // namespace

const Typed<LayerSpec, LayerVariant>& layer_kind() {
  static const Typed<LayerSpec, LayerVariant> kind = [] {
    auto name =
        optional_key("name", &LayerSpec::name, layer_name(),
                     "Name of the entry and of its tensors; unique, without dots.")
            .defaults_to(
                "type and running number per type, counted depth first: `conv1`, `conv2`, `max_pool1`");
    Typed<LayerSpec, LayerVariant> layers([](LayerSpec& layer) -> LayerVariant& { return layer.spec; },
                                          {name});
    layers.add(conv_table())
        .add(pool_table<MaxPoolSpec>("max_pool", "Largest value of each window; sizes round down."))
        .add(avg_pool_table())
        .add(global_avg_pool_table())
        .add(flatten_table())
        .add(dense_table())
        .add(batch_norm_table())
        .add(dropout_table())
        .add(activation_table())
        .add(scale_table())
        .add(squeeze_excite_table())
        .add(residual_table());
    const char* softmax = "softmax is part of the loss and is applied there; leave this entry out";
    layers.refuse_type("softmax", softmax).refuse_type("log_softmax", softmax);
    layers.refuse_type("input", "the input's shape is `image` in `data`; leave this entry out");
    for (const auto& [function, value] : kWords<ActivationFunction>) {
      if (value == ActivationFunction::none) continue;
      layers.refuse_type(
          std::string(function),
          fmt::format("a non-linearity is not a type of entry; write {{\"type\": \"activation\", "
                      "\"function\": \"{}\"}}, or \"activation\": \"{}\" in the entry before",
                      function, function));
    }
    return layers;
  }();
  return kind;
}

KindOf<NetworkSpec> chain_kind() { return std::make_shared<Chain>(); }

bool name_layers(const Place& network_place, NetworkSpec& network, std::vector<std::string>& names) {
  Naming naming;
  collect(network_place.value(), network, naming);
  bool good = true;
  // Given names first, so that a collision with an automatic one is told where it can be changed.
  for (const bool given : {true, false}) {
    for (std::size_t i = 0; i < naming.order.size(); ++i) {
      if (naming.given[i] != given) continue;
      const LayerSpec& layer = *naming.order[i];
      const auto [owner, is_new] = naming.owners.emplace(layer.name, &layer);
      if (is_new) continue;
      const LayerSpec& other = *owner->second;
      Reading& reading = network_place.reading();
      if (given) {
        reading.add_error(layer.path + "/name",
                          fmt::format("\"{}\" is already the name of {}; names are unique",
                                      printable(layer.name), other.path));
      } else {
        reading.add_error(
            other.path + "/name",
            fmt::format("\"{}\" is also the automatic name of {}; choose another one, or give that entry "
                        "a name too",
                        printable(layer.name), layer.path));
      }
      good = false;
    }
  }
  for (const LayerSpec* layer : naming.order) names.push_back(layer->name);
  return good;
}

}  // namespace cnn
