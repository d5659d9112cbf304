#include "nn/layers/conv.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/elementwise.h"
#include "kernels/weight_gradient.h"
#include "kernels/weighted_sum.h"
#include "nn/layers/sliding.h"

namespace cnn {
namespace {

/// The letters are oneDNN's: OC = out channels, IC = in channels, KH, KW = kernel, SH, SW = stride, PH, PW =
/// padding before, DH, DW = dilation, G = groups.
///
///     y[oc, oh, ow]      = b[oc] + sum over ic, kh, kw of w[oc, ic, kh, kw] * x[ic, oh*SH + kh*DH - PH, ...]
///     dw[oc, ic, kh, kw] = sum over images, oh, ow of dy[oc, oh, ow] * x[ic, oh*SH + kh*DH - PH, ...]
///     dx[ic, ih, iw]     = sum over oc, kh, kw with ih = oh*SH + kh*DH - PH, ... of w[oc, ic, kh, kw] *
///     dy[oc, oh, ow]
///
/// Rows and columns of dx that are equal modulo the stride form a phase: the same taps reach all of them, so
/// each phase is a WeightedSum of its own over dy (one phase at stride 1, with the kernel flipped).
class Conv final : public Layer {
 public:
  explicit Conv(const ConvSpec& spec) : spec_(spec), activation_{spec.activation} {}

  std::string_view type() const override { return "conv"; }

  Shape output_shape(const Shape& in) const override {
    if (in.flat)
      throw LayerError(
          "", fmt::format("a convolution needs maps, but its input is a flat vector of {} values; move it "
                          "before flatten",
                          in.c));
    if (in.c % spec_.groups != 0)
      throw LayerError("groups",
                       fmt::format("{} groups do not divide the {} input channels", spec_.groups, in.c));
    if (spec_.out_channels % spec_.groups != 0)
      throw LayerError(
          "groups", fmt::format("{} groups do not divide out_channels {}", spec_.groups, spec_.out_channels));
    if (spec_.padding.mode == ConvPadding::Mode::same && spec_.stride != Size2{1, 1})
      throw LayerError(
          "padding", fmt::format("\"same\" works with stride 1 only, and stride is {}; give the padding as a "
                                 "number",
                                 to_string(spec_.stride)));
    const auto [before, after] = padding();
    return {.c = spec_.out_channels,
            .h = sliding_size(in.h, before.h + after.h, spec_.kernel_size.h, spec_.stride.h, spec_.dilation.h,
                              in),
            .w = sliding_size(in.w, before.w + after.w, spec_.kernel_size.w, spec_.stride.w, spec_.dilation.w,
                              in)};
  }

  Needs plan(const Shape& in, Planner& planner) override {
    in_ = in;
    out_ = output_shape(in);
    const auto [before, after] = padding();
    const Size2 k = spec_.kernel_size, s = spec_.stride, d = spec_.dilation;
    const int group_inputs = in.c / spec_.groups;
    const float bound = 1.0f / std::sqrt(static_cast<float>(group_inputs * k.h * k.w));
    weight_ = planner.parameter({.name = "weight",
                                 .shape = {spec_.out_channels, group_inputs, k.h, k.w},
                                 .initialization = {.bound = bound},
                                 .gradient_per_shard = true});
    if (spec_.bias)
      bias_ = planner.parameter({.name = "bias",
                                 .shape = {spec_.out_channels},
                                 .initialization = {.bound = bound},
                                 .gradient_per_shard = true});
    group_terms_ = group_inputs * k.h * k.w;
    group_outputs_ = spec_.out_channels / spec_.groups;
    packed_group_ = packed_size(group_outputs_, group_terms_);
    packed_ = planner.constant(packed_group_ * spec_.groups);
    for (int i = 0; i < group_terms_; ++i) natural_order_.push_back(i);
    plan_phases(before, planner);
    if (activation_.derivative_needs_z()) z_ = planner.saved(out_.values() * kLanes);

    // What the last window reads beyond the map may be less than the padding (or nothing): the halo is what
    // is read.
    const auto beyond = [](int size, int out, int kernel, int stride, int dilation, int pad) {
      return std::max(0, (out - 1) * stride + (kernel - 1) * dilation - pad - (size - 1));
    };
    Needs needs;
    needs.x_halo = {before.h, before.w, beyond(in.h, out_.h, k.h, s.h, d.h, before.h),
                    beyond(in.w, out_.w, k.w, s.w, d.w, before.w)};
    needs.dy_halo = dy_halo_;
    needs.backward_reads_x = true;
    needs.backward_reads_y = !activation_.none() && !activation_.derivative_needs_z();
    return needs;
  }

  void forward(const Pass& pass, int, const ForwardViews& v) const override {
    const bool save_z = z_.valid() && pass.training;
    BlockView<float> z = save_z ? contiguous_view(pass.buffer(z_), out_) : v.y;
    std::vector<std::int32_t>& offsets = offsets_of_terms(v.x);
    WeightedSum sum;
    sum.outputs = group_outputs_;
    sum.terms = group_terms_;
    sum.weights_group = std::int64_t{group_terms_} * kOutputGroup;
    sum.weights_term = kOutputGroup;
    sum.offsets = offsets.data();
    sum.rows = out_.h;
    sum.cols = out_.w;
    sum.x_row = std::int64_t{spec_.stride.h} * v.x.row * kLanes;
    sum.x_col = std::int64_t{spec_.stride.w} * kLanes;
    sum.y_row = std::int64_t{z.row} * kLanes;
    sum.y_col = kLanes;
    sum.y_output = z.plane * kLanes;
    sum.relu = activation_.function == ActivationFunction::relu;
    for (int g = 0; g < spec_.groups; ++g) {
      sum.weights = pass.constant(packed_) + g * packed_group_;
      sum.bias = spec_.bias ? pass.parameter(bias_) + g * group_outputs_ : nullptr;
      weighted_sum(sum, first_window(v.x, g), z.at(g * group_outputs_, 0, 0));
    }
    if (!activation_.none() && !sum.relu) activation_forward(activation_, z, v.y);
  }

  void backward(const Pass& pass, int, const BackwardViews& v) const override {
    if (!activation_.none()) {
      const BlockView<const float> zy = z_.valid() ? contiguous_view(pass.buffer(z_), out_) : v.y;
      activation_backward(activation_, zy, v.dy, v.dy);
    }
    std::vector<std::int32_t>& offsets = offsets_of_terms(v.x);
    WeightGradient gradient;
    gradient.outputs = group_outputs_;
    gradient.terms = group_terms_;
    gradient.offsets = offsets.data();
    gradient.rows = out_.h;
    gradient.cols = out_.w;
    gradient.x_row = std::int64_t{spec_.stride.h} * v.x.row * kLanes;
    gradient.x_col = std::int64_t{spec_.stride.w} * kLanes;
    gradient.dy_row = std::int64_t{v.dy.row} * kLanes;
    gradient.dy_output = v.dy.plane * kLanes;
    for (int g = 0; g < spec_.groups; ++g) {
      const float* dy = v.dy.at(g * group_outputs_, 0, 0);
      weight_gradient(gradient, first_window(v.x, g), dy,
                      pass.shard_gradient(weight_) + std::int64_t{g} * group_outputs_ * group_terms_,
                      pass.accumulate);
      if (spec_.bias)
        bias_gradient(gradient, dy, pass.shard_gradient(bias_) + g * group_outputs_, pass.accumulate);
    }
    if (!v.dx.empty()) input_gradient(pass, v.dy, v.dx);
  }

  int tasks(Work work) const override { return work == Work::pack ? spec_.groups : 0; }

  void run(const Pass& pass, Work, int g) const override {
    const float* w = pass.parameter(weight_) + std::int64_t{g} * group_outputs_ * group_terms_;
    pack_weights(w, group_outputs_, group_terms_, natural_order_, pass.constant(packed_) + g * packed_group_,
                 0, groups_of(group_outputs_));
    const int group_inputs = in_.c / spec_.groups;
    for (const Phase& phase : phases_)
      pack_weights(w, group_inputs, std::int64_t{spec_.kernel_size.h} * spec_.kernel_size.w,
                   phase.weight_index,
                   pass.constant(phase.packed) + g * packed_size(group_inputs, phase.terms()), 0,
                   groups_of(group_inputs));
  }

  std::int64_t macs(const Shape& in) const override {
    const Shape out = output_shape(in);
    return out.values() * (in.c / spec_.groups) * spec_.kernel_size.h * spec_.kernel_size.w;
  }
  Window window() const override { return {spec_.kernel_size, spec_.stride, spec_.dilation}; }
  std::int64_t dense_equivalent_parameters(const Shape& in) const override {
    const Shape out = output_shape(in);
    return in.values() * out.values() + (spec_.bias ? out.values() : 0);
  }

 private:
  /// Pixels of dx that the same taps reach: rows first_row, first_row + SH, ..., columns alike.
  struct Phase {
    int first_row = 0, first_col = 0;
    int rows = 0, cols = 0;
    /// For the pixel (first_row, first_col) and each term (oc, tap): which dy it reads, and which weight.
    struct Tap {
      int oc, row, col;
    };
    std::vector<Tap> taps;
    std::vector<std::int32_t> weight_index;
    ConstantId packed;
    int terms() const { return static_cast<int>(taps.size()); }
  };

  static int groups_of(int outputs) { return (outputs + kOutputGroup - 1) / kOutputGroup; }

  struct Sides {
    Size2 before, after;
  };
  Sides padding() const {
    const ConvPadding& p = spec_.padding;
    if (p.mode == ConvPadding::Mode::amount) return {p.amount, p.amount};
    if (p.mode == ConvPadding::Mode::valid) return {{0, 0}, {0, 0}};
    const Size2 total{spec_.dilation.h * (spec_.kernel_size.h - 1),
                      spec_.dilation.w * (spec_.kernel_size.w - 1)};
    const Size2 before{total.h / 2, total.w / 2};
    return {before, {total.h - before.h, total.w - before.w}};
  }

  void plan_phases(Size2 before, Planner& planner) {
    const Size2 k = spec_.kernel_size, s = spec_.stride, d = spec_.dilation;
    const int group_inputs = in_.c / spec_.groups;
    const std::int32_t per_output = group_inputs * k.h * k.w;
    for (int row = 0; row < std::min(s.h, in_.h); ++row) {
      for (int col = 0; col < std::min(s.w, in_.w); ++col) {
        Phase phase;
        phase.first_row = row;
        phase.first_col = col;
        phase.rows = (in_.h - row + s.h - 1) / s.h;
        phase.cols = (in_.w - col + s.w - 1) / s.w;
        for (int oc = 0; oc < group_outputs_; ++oc) {
          for (int kh = 0; kh < k.h; ++kh) {
            const int oh = row + before.h - kh * d.h;  // times SH
            if (floor_mod(oh, s.h) != 0) continue;
            for (int kw = 0; kw < k.w; ++kw) {
              const int ow = col + before.w - kw * d.w;
              if (floor_mod(ow, s.w) != 0) continue;
              phase.taps.push_back({oc, floor_div(oh, s.h), floor_div(ow, s.w)});
              phase.weight_index.push_back(oc * per_output + kh * k.w + kw);
            }
          }
        }
        for (const auto& tap : phase.taps) {
          dy_halo_.top = std::max(dy_halo_.top, -tap.row);
          dy_halo_.left = std::max(dy_halo_.left, -tap.col);
          dy_halo_.bottom = std::max(dy_halo_.bottom, tap.row + phase.rows - 1 - (out_.h - 1));
          dy_halo_.right = std::max(dy_halo_.right, tap.col + phase.cols - 1 - (out_.w - 1));
        }
        phase.packed = planner.constant(packed_size(group_inputs, phase.terms()) * spec_.groups);
        phases_.push_back(std::move(phase));
      }
    }
  }

  static int floor_mod(int a, int b) { return (a % b + b) % b; }
  static int floor_div(int a, int b) { return (a - floor_mod(a, b)) / b; }

  /// The first pixel that the window of output (0, 0) reads, in the channels of group g: in the halo, if any.
  const float* first_window(BlockView<const float> x, int g) const {
    const Size2 before = padding().before;
    return x.at(g * (in_.c / spec_.groups), -before.h, -before.w);
  }

  /// offset[k] of WeightedSum for x's pitches. They are the same in every call, but for training and
  /// evaluation, which may plan different halos: each worker keeps the last table.
  std::vector<std::int32_t>& offsets_of_terms(BlockView<const float> x) const {
    thread_local std::vector<std::int32_t> offsets;
    offsets.clear();
    for (int ic = 0; ic < in_.c / spec_.groups; ++ic)
      for (int kh = 0; kh < spec_.kernel_size.h; ++kh)
        for (int kw = 0; kw < spec_.kernel_size.w; ++kw)
          offsets.push_back(
              static_cast<std::int32_t>((ic * x.plane + std::int64_t{kh} * spec_.dilation.h * x.row +
                                         std::int64_t{kw} * spec_.dilation.w) *
                                        kLanes));
    return offsets;
  }

  void input_gradient(const Pass& pass, BlockView<const float> dy, BlockView<float> dx) const {
    const int group_inputs = in_.c / spec_.groups;
    thread_local std::vector<std::int32_t> offsets;
    for (const Phase& phase : phases_) {
      offsets.clear();
      for (const auto& tap : phase.taps)
        offsets.push_back(static_cast<std::int32_t>(
            (tap.oc * dy.plane + std::int64_t{tap.row} * dy.row + tap.col) * kLanes));
      WeightedSum sum;
      sum.outputs = group_inputs;
      sum.terms = phase.terms();
      sum.weights_group = std::int64_t{phase.terms()} * kOutputGroup;
      sum.weights_term = kOutputGroup;
      sum.offsets = offsets.data();
      sum.rows = phase.rows;
      sum.cols = phase.cols;
      sum.x_row = std::int64_t{dy.row} * kLanes;
      sum.x_col = kLanes;
      sum.y_row = std::int64_t{dx.row} * spec_.stride.h * kLanes;
      sum.y_col = std::int64_t{spec_.stride.w} * kLanes;
      sum.y_output = dx.plane * kLanes;
      for (int g = 0; g < spec_.groups; ++g) {
        sum.weights = pass.constant(phase.packed) + g * packed_size(group_inputs, phase.terms());
        weighted_sum(sum, dy.at(g * group_outputs_, 0, 0),
                     dx.at(g * group_inputs, phase.first_row, phase.first_col));
      }
    }
  }

  ConvSpec spec_;
  Activation activation_;
  Shape in_, out_;
  ParameterId weight_, bias_;
  ConstantId packed_;
  BufferId z_;  ///< before the activation function, where its derivative needs that
  int group_terms_ = 0, group_outputs_ = 0;
  std::int64_t packed_group_ = 0;
  std::vector<std::int32_t> natural_order_;
  std::vector<Phase> phases_;
  Halo dy_halo_;
};

}  // namespace

std::unique_ptr<Layer> make_layer(const ConvSpec& spec) { return std::make_unique<Conv>(spec); }

}  // namespace cnn
