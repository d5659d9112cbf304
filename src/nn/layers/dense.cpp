#include "nn/layers/dense.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "kernels/weight_gradient.h"
#include "kernels/weighted_sum.h"
#include "nn/layers/sliding.h"

namespace cnn {
namespace {

/// Weights from which on y and dx are computed batch-wide: more than a core's second-level cache should be
/// read once per batch, not once per block. The bits do not depend on it.
constexpr std::int64_t kBatchWideWeights = 128 * 1024;

/// Inputs whose gradient one batch-wide task computes.
constexpr int kInputsOfTask = 64;

/// y[o] = b[o] + sum over i of w[o, i] x[i];  dx[i] = sum over o of w[o, i] dy[o];  dw[o, i] = sum over
/// images of dy[o] x[i], taken batch-wide over all blocks, so that no leaf needs a copy of a large gradient.
/// Large layers take y and dx batch-wide as well: the blocks are the pixels of the sum.
class Dense final : public Layer {
 public:
  explicit Dense(const DenseSpec& spec) : spec_(spec), activation_{spec.activation} {}

  std::string_view type() const override { return "dense"; }

  Shape output_shape(const Shape& in) const override {
    if (!in.flat && (in.h != 1 || in.w != 1))
      throw LayerError("",
                       fmt::format("dense needs a flat input, but gets {} maps of {}x{}; put a flatten (or a "
                                   "global_avg_pool) before it",
                                   in.c, in.h, in.w));
    return {.c = spec_.units, .flat = true};
  }

  Needs plan(const Shape& in, Planner& planner) override {
    inputs_ = in.c;
    const std::vector<std::int64_t> shape{spec_.units, inputs_};
    weight_ = planner.parameter({.name = "weight",
                                 .shape = shape,
                                 .initialization = initialization_of(spec_.weight_init, shape),
                                 .control = spec_.control.weight()});
    if (spec_.bias)
      bias_ = planner.parameter({.name = "bias",
                                 .shape = {spec_.units},
                                 .initialization = initialization_of(spec_.bias_init, inputs_),
                                 .control = spec_.control.bias()});
    packed_ = planner.constant(packed_size(spec_.units, inputs_));
    if (activation_.derivative_needs_z()) z_ = planner.saved(std::int64_t{spec_.units} * kLanes);
    batch_wide_ = in.flat && std::int64_t{inputs_} * spec_.units >= kBatchWideWeights;
    planner.scratch(inputs_);
    planner.training_scratch(dense_gradient_scratch(planner.blocks()));
    natural_order_.resize(inputs_);
    std::iota(natural_order_.begin(), natural_order_.end(), 0);
    // One pixel per value. A 1x1 map may have a halo for another reader, so x has a pitch.
    for (int k = 0; k < spec_.units; ++k) dy_offsets_.push_back(k * kLanes);
    weight_offsets_ = offsets_of_packed_outputs(spec_.units, inputs_);
    Needs needs;
    needs.backward_reads_x = true;
    needs.dx_in_phase1 = true;
    needs.batch_wide_gradient = true;
    needs.batch_wide_passes = batch_wide_;
    needs.backward_reads_y = !activation_.none() && !activation_.derivative_needs_z();
    return needs;
  }

  void forward(const Pass& pass, int, const ForwardViews& v) const override {
    const Extent units = pass.share.channels(spec_.units);
    float* z = pass.training && z_.valid() ? pass.buffer(z_) : v.y.data;
    if (!batch_wide_) {
      WeightedSum sum = forward_sum(pass, v.x.plane);
      sum.first_output = units.first;
      sum.outputs = units.end;
      weighted_sum(sum, v.x.data, z);
    }
    if (activation_.is_apart())
      activation_forward(activation_, flat_view(z).channels(units.first, units.end),
                         v.y.channels(units.first, units.end));
  }

  void backward(const Pass& pass, int phase, const BackwardViews& v) const override {
    if (phase == 1) return input_gradient(pass, v);
    if (activation_.none()) return;
    const Extent units = pass.share.channels(spec_.units);
    const BlockView<const float> zy = z_.valid() ? flat_view(pass.buffer(z_)) : v.y;
    const BlockView<float> dy = v.dy.channels(units.first, units.end);
    activation_backward(activation_, zy.channels(units.first, units.end), dy, dy);
  }

  CallSharing forward_sharing(int, Fusions) const override {
    return {.channels = spec_.units,
            .own_channels = batch_wide_,
            .work = batch_wide_ ? outputs_work() : products()};
  }
  CallSharing backward_sharing(int phase, Fusions) const override {
    if (phase == 1) return {.channels = inputs_, .work = products()};
    return {.channels = spec_.units, .own_channels = true, .work = activation_.none() ? 0 : outputs_work()};
  }

  int tasks(Work work) const override {
    switch (work) {
      case Work::pack:
      case Work::forward:
        return (spec_.units + kOutputGroup - 1) / kOutputGroup;
      case Work::backward:
        return (inputs_ + kInputsOfTask - 1) / kInputsOfTask;
      case Work::weight_gradient:
        return (inputs_ + kDenseGradientInputs - 1) / kDenseGradientInputs;
      default:
        return 0;
    }
  }

  void run(const Pass& pass, Work work, int task) const override {
    switch (work) {
      case Work::pack:
        return pack_weights(pass.parameter(weight_), spec_.units, inputs_, natural_order_,
                            pass.constant(packed_), task, task + 1);
      case Work::forward:
        return forward_all_blocks(pass, task * kOutputGroup);
      case Work::backward:
        return backward_all_blocks(pass, task * kInputsOfTask);
      default:
        return weight_gradient(pass, task);
    }
  }

  std::int64_t macs(const Shape& in) const override { return in.values() * spec_.units; }
  Window window(const Shape&) const override { return {.whole_map = true, .groups = 1}; }
  std::string_view outputs_key() const override { return "units"; }

 private:
  double products() const { return static_cast<double>(inputs_) * spec_.units; }
  double outputs_work() const { return CallSharing::by_pixels({.c = spec_.units}, {.c = spec_.units}).work; }

  void input_gradient(const Pass& pass, const BackwardViews& v) const {
    const Extent inputs = pass.share.channels(inputs_);
    WeightedSum sum = backward_sum(pass, v.dx.plane);
    sum.first_output = inputs.first;
    sum.outputs = inputs.end;
    weighted_sum(sum, v.dy.data, v.dx.data);
  }

  /// For one block; x's values lie `plane` pixels apart. Keeps their places in the worker's scratch.
  WeightedSum forward_sum(const Pass& pass, std::int64_t plane) const {
    auto* const x_offsets = reinterpret_cast<std::int32_t*>(pass.scratch());
    for (int k = 0; k < inputs_; ++k) x_offsets[k] = static_cast<std::int32_t>(k * plane * kLanes);
    WeightedSum sum;
    sum.rows = sum.cols = 1;
    sum.offsets = x_offsets;
    sum.y_output = kLanes;
    sum.outputs = spec_.units;
    sum.terms = inputs_;
    sum.weights = pass.constant(packed_);
    sum.weights_group = std::int64_t{inputs_} * kOutputGroup;
    sum.weights_term = kOutputGroup;
    sum.epilogue.bias = spec_.bias ? pass.parameter(bias_) : nullptr;
    sum.epilogue.rectifier = activation_.rectifier();
    return sum;
  }

  /// For one block; the caller sets `outputs`. Reads the weights as forward() does: of parameters and packed
  /// weights, both written in every step, only one need travel from core to core.
  WeightedSum backward_sum(const Pass& pass, std::int64_t dx_plane) const {
    WeightedSum sum;
    sum.weights = pass.constant(packed_);
    sum.weights_group = std::int64_t{kOutputGroup} * kOutputGroup;
    sum.weight_offsets = weight_offsets_.data();
    sum.transposed = true;
    sum.rows = sum.cols = 1;
    sum.offsets = dy_offsets_.data();
    sum.y_output = dx_plane * kLanes;
    sum.terms = spec_.units;
    return sum;
  }

  /// A block is a pixel.
  static void over_all_blocks(const Pass& pass, WeightedSum& sum) {
    sum.cols = pass.own_blocks;
    sum.x_col = sum.y_col = pass.block_stride;
  }

  /// The outputs from `first` on of one group.
  void forward_all_blocks(const Pass& pass, int first) const {
    WeightedSum sum = forward_sum(pass, pass.x_of_block0.plane);
    over_all_blocks(pass, sum);
    sum.outputs = std::min(kOutputGroup, spec_.units - first);
    sum.weights += first / kOutputGroup * sum.weights_group;
    sum.epilogue = sum.epilogue.from(first);
    float* z = pass.training && z_.valid() ? pass.buffer(z_, pass.first_block) : pass.y_of_block0.data;
    weighted_sum(sum, pass.x_of_block0.data, z + first * sum.y_output);
  }

  /// The inputs from `first` on of one task.
  void backward_all_blocks(const Pass& pass, int first) const {
    WeightedSum sum = backward_sum(pass, pass.dx_of_block0.plane);
    over_all_blocks(pass, sum);
    sum.outputs = std::min(kInputsOfTask, inputs_ - first);
    sum.weights += first * kOutputGroup;
    weighted_sum(sum, pass.dy_of_block0.data, pass.dx_of_block0.data + first * sum.y_output);
  }

  void weight_gradient(const Pass& pass, int task) const {
    const DenseGradient gradient{.inputs = inputs_,
                                 .outputs = spec_.units,
                                 .leaves = pass.leaves,
                                 .leaf_ends = pass.leaf_ends,
                                 .x = pass.x_of_block0.data,
                                 .x_input = pass.x_of_block0.plane * kLanes,
                                 .dy = pass.dy_of_block0.data,
                                 .x_block = pass.block_stride,
                                 .dy_block = pass.block_stride};
    const int first = task * kDenseGradientInputs;
    dense_weight_gradient(gradient, first, std::min(kDenseGradientInputs, inputs_ - first), pass.scratch(),
                          pass.gradient(weight_));
    if (task == 0 && spec_.bias) dense_bias_gradient(gradient, pass.gradient(bias_));
  }

  BlockView<float> flat_view(float* data) const { return {data, spec_.units, 1, 1, 1, 1}; }

  DenseSpec spec_;
  Activation activation_;
  int inputs_ = 0;
  bool batch_wide_ = false;
  ParameterId weight_, bias_;
  ConstantId packed_;
  BufferId z_;  ///< before the activation function, where its derivative needs that
  std::vector<std::int32_t> natural_order_, dy_offsets_, weight_offsets_;
};

}  // namespace

std::unique_ptr<Layer> make_layer(const DenseSpec& spec) { return std::make_unique<Dense>(spec); }

}  // namespace cnn
