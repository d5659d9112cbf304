#include "nn/network.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>

#include "core/chunks.h"
#include "core/memory.h"
#include "core/random.h"
#include "core/text.h"
#include "nn/layers/sum.h"

namespace cnn {
namespace {

/// Tensors begin on 64-byte boundaries.
std::int64_t rounded(std::int64_t floats) { return (floats + kLanes - 1) / kLanes * kLanes; }

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
  if (out.flat != in.flat) return 1;  // flatten
  return channels * inputs_along(in.h, out.h, w.kernel.h, w.stride.h, w.dilation.h, w.padding.h) *
         inputs_along(in.w, out.w, w.kernel.w, w.stride.w, w.dilation.w, w.padding.w);
}

std::int64_t count_of(const std::vector<std::int64_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

/// Numbers in one tensor: far beyond a small network, and small enough that offsets and the tables a layer
/// makes of them fit 32 bits.
constexpr std::int64_t kMostInTensor = std::int64_t{1} << 30;

bool is_too_large(const std::vector<std::int64_t>& shape) {
  std::int64_t left = kMostInTensor;
  for (const std::int64_t size : shape) left /= std::max<std::int64_t>(1, size);
  return left == 0;
}

}  // namespace

Halo Halo::cover(const Halo& a, const Halo& b) {
  return {std::max(a.top, b.top), std::max(a.left, b.left), std::max(a.bottom, b.bottom),
          std::max(a.right, b.right)};
}

/// Hands out places, layer by layer; the memory is allocated when the totals are known.
class Network::Plan final : public Planner {
 public:
  struct Named {
    std::string name;
    std::vector<std::int64_t> shape;
    std::int64_t offset;
    bool trainable;
    Initialization start;
    ParameterControl control;
  };

  explicit Plan(Network& network) : network_(network) {}

  void begin(Node& node) { node_ = &node; }

  ParameterId parameter(ParameterRequest request) override {
    if (is_too_large(request.shape))
      throw SpecError(
          node_->path,
          fmt::format("its {} would have {} = more than {} numbers; make it smaller\n{}", request.name,
                      fmt::join(request.shape, " x "), with_commas(kMostInTensor), network_.chain()));
    const std::int64_t count = count_of(request.shape);
    ParameterId id{.offset = parameters_};
    if (request.gradient_per_shard) {
      id.shard_offset = network_.shard_floats_;
      if (request.shard_floats == 0)
        network_.shard_ranges_.push_back({id.offset, id.shard_offset, rounded(count)});
      network_.shard_floats_ += rounded(request.shard_floats == 0 ? count : request.shard_floats);
    }
    if (count > largest_.count) largest_ = {node_->path, node_->name + "." + request.name, count};
    named.push_back({node_->name + "." + request.name, std::move(request.shape), id.offset, true,
                     request.initialization, request.control});
    parameters_ += rounded(count);
    if (!request.control.trainable.empty()) node_->learns = true;
    return id;
  }

  StateId state(const std::string& name, std::vector<std::int64_t> shape, float initial) override {
    const StateId id{states_};
    const std::int64_t count = count_of(shape);
    named.push_back({node_->name + "." + name,
                     std::move(shape),
                     id.offset,
                     false,
                     Initialization::constant(initial),
                     {}});
    states_ += rounded(count);
    return id;
  }

  ConstantId constant(std::int64_t floats) override {
    const ConstantId id{constants_};
    constants_ += rounded(floats);
    return id;
  }

  BufferId saved(std::int64_t floats) override {
    const BufferId id{static_cast<int>(network_.saved_floats_.size())};
    network_.saved_floats_.push_back(rounded(floats));
    node_->saved.push_back(id);
    return id;
  }

  StatisticId statistic(std::int64_t doubles) override {
    const StatisticId id{network_.statistic_doubles_};
    network_.statistic_doubles_ += (doubles + 7) / 8 * 8;  // blocks never share a cache line
    return id;
  }

  void scratch(std::int64_t floats) override {
    network_.scratch_floats_ = std::max(network_.scratch_floats_, rounded(floats));
    training_scratch(floats);
  }
  void training_scratch(std::int64_t floats) override {
    network_.training_scratch_floats_ = std::max(network_.training_scratch_floats_, rounded(floats));
  }

  int blocks() const override { return blocks_of(network_.largest_batch_); }

  /// Of the layers so far.
  std::int64_t parameter_floats() const { return parameters_; }

  /// Refuses before allocation what the process cannot get.
  void check_memory() const {
    const std::int64_t bytes =
        (parameters_ + states_ + constants_) * static_cast<std::int64_t>(sizeof(float));
    constexpr std::int64_t kSmall = 64 << 20;
    if (bytes < kSmall) return;
    const AvailableMemory available = available_memory();
    if (bytes <= available.bytes) return;
    throw SpecError(
        largest_.path,
        fmt::format(
            "the network's parameters take {} of memory, and {} leaves {}; the largest tensor is this "
            "one, {} of {} numbers; make it smaller\n{}",
            human_bytes(bytes), available.limit, human_bytes(available.bytes), largest_.name,
            with_commas(largest_.count), network_.chain()));
  }

  void allocate() {
    check_memory();
    network_.parameters_ = AlignedBuffer(parameters_);
    network_.states_ = AlignedBuffer(states_);
    network_.constants_ = AlignedBuffer(constants_);
    for (Named& tensor : named) {
      AlignedBuffer& buffer = tensor.trainable ? network_.parameters_ : network_.states_;
      const auto count = static_cast<std::size_t>(count_of(tensor.shape));
      network_.tensors_.push_back({tensor.name, tensor.shape, std::span(buffer.data() + tensor.offset, count),
                                   tensor.trainable, tensor.control});
      network_.starts_.push_back(tensor.start);
    }
  }

  std::vector<Named> named;

 private:
  Network& network_;
  Node* node_ = nullptr;
  struct Largest {
    std::string path, name;
    std::int64_t count = 0;
  };
  Largest largest_;  // among the parameters
  std::int64_t parameters_ = 0, states_ = 0, constants_ = 0;
};

Network::Network(const NetworkSpec& spec, const Shape& input, int classes, std::int64_t largest_batch)
    : input_(input), largest_batch_(largest_batch), values_{input} {
  add_entries(spec, {}, 0);
  const Node& last = nodes_.back();
  if (last.out.h != 1 || last.out.w != 1)
    throw SpecError(last.path,
                    fmt::format("the last entry puts out {}, but must put out one value per class; end with "
                                "flatten and dense, or with global_avg_pool\n{}",
                                to_string(last.out), chain()));
  if (classes > 0 && last.out.c != classes)
    throw SpecError(last.path,
                    fmt::format("the network puts out {} values, but the data has {} classes; make the last "
                                "layer's size {}\n{}",
                                last.out.c, classes, classes, chain()));
  plan();
  summarize();
}

Network::~Network() = default;

int Network::add_entries(const NetworkSpec& spec, const LayerControl& outer, int value) {
  for (const LayerSpec& entry : spec) {
    if (const auto* residual = std::get_if<ResidualSpec>(&entry.spec)) {
      value = add_residual(entry, *residual, outer, value);
      continue;
    }
    if (const auto* conv = std::get_if<ConvSpec>(&entry.spec);
        conv && conv->weight_init == WeightInit::whitening) {
      if (value != 0)
        throw SpecError(
            entry.path + "/weight_init",
            "whitening makes filters from the images, so only the first entry of the network can have "
            "it\n" +
                chain());
      whitening_ = {entry.name + ".weight", conv->dilation};
    }
    std::unique_ptr<Layer> layer = std::visit(
        [&](auto s) -> std::unique_ptr<Layer> {
          if constexpr (requires { s.control; }) s.control = combined(outer, s.control);
          if constexpr (std::is_same_v<decltype(s), ResidualSpec>)
            return nullptr;
          else
            return make_layer(s);
        },
        entry.spec);
    const int row = static_cast<int>(entry_names_.size());
    value = add_node(std::move(layer), entry.name, entry.path, row, value);
    entry_names_.push_back(entry.name);
  }
  return value;
}

int Network::add_residual(const LayerSpec& entry, const ResidualSpec& spec, const LayerControl& outer,
                          int value) {
  const LayerControl control = combined(outer, spec.control);
  const int branch = add_entries(spec.layers, control, value);
  const int row = static_cast<int>(entry_names_.size());
  const Shape in = values_[value], out = values_[branch];
  int shortcut = value;
  if (spec.shortcut == ResidualSpec::Shortcut::projection) {
    if (in.flat || out.flat)
      throw SpecError(entry.path + "/shortcut",
                      fmt::format("a projection is a 1x1 convolution and needs maps, but the "
                                  "entry goes from {} to {}\n{}",
                                  to_string(in), to_string(out), chain()));
    // The stride that takes the input's size to the branch's: ceil(in / stride) == out.
    const auto stride = [&](int from, int to) {
      for (int s = 1; s <= from; ++s)
        if ((from + s - 1) / s == to) return s;
      throw SpecError(entry.path + "/shortcut",
                      fmt::format("no stride of a 1x1 convolution takes {} to {}\n{}", to_string(in),
                                  to_string(out), chain()));
    };
    ConvSpec conv;
    conv.out_channels = out.c;
    conv.kernel_size = {1, 1};
    conv.stride = {stride(in.h, out.h), stride(in.w, out.w)};
    conv.bias = false;
    conv.control = control;
    shortcut = add_node(make_layer(conv), entry.name + ".shortcut", entry.path + "/shortcut", row, value);
    nodes_.back().is_row = false;
    BatchNormSpec norm;
    norm.control = control;
    shortcut =
        add_node(make_layer(norm), entry.name + ".shortcut_norm", entry.path + "/shortcut", row, shortcut);
    nodes_.back().is_row = false;
  }
  if (values_[shortcut] != out)
    throw SpecError(
        entry.path + "/shortcut",
        fmt::format(
            "an identity shortcut adds the input {} to the output of the layers {}: the shapes must be "
            "equal; use \"projection\", or change stride and channels of the layers\n{}",
            to_string(values_[shortcut]), to_string(out), chain()));
  const int y = add_node(make_sum(spec.activation), entry.name, entry.path, row, branch, shortcut);
  nodes_.back().in = in;  // what a table shows: the entry's input
  entry_names_.push_back(entry.name);
  return y;
}

int Network::add_node(std::unique_ptr<Layer> layer, const std::string& name, const std::string& path,
                      int entry, int x, int shortcut) {
  Node node;
  node.name = name;
  node.path = path;
  node.entry = entry;
  node.in = values_[x];
  node.x = x;
  node.shortcut = shortcut;
  node.y = static_cast<int>(values_.size());
  try {
    node.out = layer->output_shape(node.in);
  } catch (const LayerError& error) {
    throw SpecError(error.key().empty() ? path : path + "/" + error.key(),
                    std::string(error.what()) + "\n" + chain());
  }
  // Offsets inside a block are 32-bit.
  constexpr std::int64_t kMostValues = std::numeric_limits<std::int32_t>::max() / kLanes / 4;
  if (node.out.values() > kMostValues)
    throw SpecError(path, fmt::format("its output {} has more than {} values; make the layer smaller\n{}",
                                      to_string(node.out), with_commas(kMostValues), chain()));
  node.layer = std::move(layer);
  values_.push_back(node.out);
  nodes_.push_back(std::move(node));
  return nodes_.back().y;
}

std::string Network::chain() const {
  std::string text = "  shapes so far: input " + to_string(input_);
  for (const Node& node : nodes_)
    if (node.is_row) text += fmt::format(" -> {} {}", node.name, to_string(node.out));
  return text;
}

/// A max pooling hands its gradient to one pixel of each window: whether a ReLU lets it through is one
/// question a window there, and one for each pixel in the layer before. Forward, the layer before has all
/// four sums of a window in registers: to store them and to load them again would take longer than to
/// compare.
void Network::join_poolings() {
  std::vector<int> readers(values_.size());
  for (const Node& node : nodes_) {
    ++readers[static_cast<std::size_t>(node.x)];
    if (node.shortcut >= 0) ++readers[static_cast<std::size_t>(node.shortcut)];
  }
  for (int n = 1; n < static_cast<int>(nodes_.size()); ++n) {
    Node &before = nodes_[n - 1], &node = nodes_[n];
    if (node.x != before.y || readers[static_cast<std::size_t>(before.y)] != 1) continue;
    if (before.needs.relu_on_dy && node.needs.can_take_relu) {
      before.relu_partner = n;
      node.relu_partner = n - 1;
    }
    if (before.needs.can_pool && node.needs.winners_2x2.valid()) {
      before.pooling_partner = n;
      node.pooling_partner = n - 1;
    }
  }
}

void Network::plan() {
  Plan plan(*this);
  for (Node& node : nodes_) {
    plan.begin(node);
    const std::int64_t first = plan.parameter_floats();
    node.needs = node.layer->plan(values_[node.x], plan);
    const int tasks = node.layer->tasks(Work::pack);
    for (int task = 0; task < tasks; ++task)
      pack_tasks_.push_back(
          {node.layer.get(), task, first + (plan.parameter_floats() - first) * task / tasks});
  }
  join_poolings();
  plan.allocate();
  initialize_states();  // parameters stay zero until initialize()
}

void Network::initialize_states() {
  for (std::size_t i = 0; i < tensors_.size(); ++i)
    if (!tensors_[i].trainable) std::ranges::fill(tensors_[i].values, starts_[i].size);
}

void Network::initialize(std::uint64_t seed) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    if (!tensors_[i].trainable) continue;
    Random random(seed, Purpose::initialization, number++);
    cnn::initialize(starts_[i], tensors_[i].shape, random, tensors_[i].values);
  }
  initialize_states();
}

const Tensor* Network::find(std::string_view tensor) const {
  const auto found = std::ranges::find(tensors_, tensor, &Tensor::name);
  return found == tensors_.end() ? nullptr : &*found;
}

void Network::pack(ThreadPool& pool) {
  Pass pass;
  pass.parameters = parameters_.data();
  pass.states = states_.data();
  pass.constants = constants_.data();
  // Who took the optimizer's step with some parameters packs them, or most of them where a task reads a whole
  // layer's (Winograd). Layers without parameters may stand at the very end.
  for_each_in_chunks(parameters_.size(), pool, pack_tasks_, &PackTask::position,
                     [&](const PackTask& task) { task.layer->run(pass, Work::pack, task.task); });
}

std::int64_t Network::parameter_count() const {
  std::int64_t count = 0;
  for (const LayerSummary& layer : layers_) count += layer.parameters;
  return count;
}

void Network::summarize() {
  layers_.resize(entry_names_.size());
  // Receptive field and distance of neighboring outputs in the input, for every value.
  struct Field {
    std::int64_t size = 1, jump = 1;
  };
  std::vector<std::pair<Field, Field>> fields(values_.size());
  for (const Node& node : nodes_) {
    LayerSummary& row = layers_[node.entry];
    const Shape& in = values_[node.x];
    for (const Tensor& tensor : tensors_)
      if (tensor.trainable && tensor.name.starts_with(node.name + ".") &&
          tensor.name.find('.', node.name.size() + 1) == std::string::npos)
        row.parameters += static_cast<std::int64_t>(tensor.values.size());
    row.macs += node.layer->macs(in);
    const Window window = node.layer->window();
    const auto grow = [](Field field, int kernel, int stride, int dilation, bool whole, int whole_size) {
      if (whole) return Field{whole_size, field.jump};
      field.size += std::int64_t{dilation} * (kernel - 1) * field.jump;
      field.jump *= stride;
      return field;
    };
    const auto& [h, w] = fields[node.x];
    auto& [out_h, out_w] = fields[node.y];
    out_h = grow(h, window.kernel.h, window.stride.h, window.dilation.h, window.whole_map, input_.h);
    out_w = grow(w, window.kernel.w, window.stride.w, window.dilation.w, window.whole_map, input_.w);
    if (node.shortcut >= 0) {
      out_h.size = std::max(out_h.size, fields[node.shortcut].first.size);
      out_w.size = std::max(out_w.size, fields[node.shortcut].second.size);
    }
    // A flat value may come from anywhere in its maps.
    if (node.out.flat && !in.flat) {
      out_h.size = std::min<std::int64_t>(input_.h, h.size + (in.h - 1) * h.jump);
      out_w.size = std::min<std::int64_t>(input_.w, w.size + (in.w - 1) * w.jump);
      if (node.layer->type() == "flatten") out_h.size = h.size, out_w.size = w.size;
    }
    if (!node.is_row) continue;
    row.name = node.name;
    row.type = node.layer->type();
    row.in = node.in;
    row.out = node.out;
    row.dense_equivalent_parameters = node.layer->dense_equivalent_parameters(node.in);
    row.receptive_field = {static_cast<int>(std::min<std::int64_t>(out_h.size, input_.h)),
                           static_cast<int>(std::min<std::int64_t>(out_w.size, input_.w))};
    if (!node.out.flat && node.out.h * node.out.w > 1)
      row.effective_stride = {static_cast<int>(out_h.jump), static_cast<int>(out_w.jump)};
    row.window = window;
    row.inputs_per_output = node.shortcut >= 0 ? 2 : inputs_per_output(window, node.in, node.out);
  }
}

}  // namespace cnn
