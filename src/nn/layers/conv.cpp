#include "nn/layers/conv.h"

#include "kernels/weight_gradient.h"
#include "nn/layers/conv_algorithm.h"
#include "nn/layers/sliding.h"

namespace cnn {
namespace {

/// Shapes, bias and activation; the sums themselves are a ConvAlgorithm's.
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
                                 "number, or use \"same_tensorflow\"",
                                 to_string(spec_.stride)));
    check_whitening(in);
    const MapSides padding = padding_of(spec_, in);
    return {.c = spec_.out_channels,
            .h = sliding_size(in.h, padding.top + padding.bottom, spec_.kernel_size.h, spec_.stride.h,
                              spec_.dilation.h, in),
            .w = sliding_size(in.w, padding.left + padding.right, spec_.kernel_size.w, spec_.stride.w,
                              spec_.dilation.w, in)};
  }

  Needs plan(const Shape& in, Planner& planner) override {
    out_ = output_shape(in);
    const MapSides padding = padding_of(spec_, in);
    const ConvGeometry geometry{.spec = spec_, .in = in, .out = out_, .before = {padding.top, padding.left}};
    algorithm_ = make_winograd_conv(geometry);
    if (!algorithm_) algorithm_ = make_depthwise_conv(geometry);
    if (!algorithm_) algorithm_ = make_direct_conv(geometry);
    const Size2 k = spec_.kernel_size;
    const std::vector<std::int64_t> shape{spec_.out_channels, geometry.group_inputs(), k.h, k.w};
    algorithm_->plan({.name = "weight",
                      .shape = shape,
                      .initialization = initialization_of(spec_.weight_init, shape, spec_.groups),
                      .control = spec_.control.weight()},
                     planner);
    if (spec_.bias)
      bias_ = planner.parameter({.name = "bias",
                                 .shape = {spec_.out_channels},
                                 .initialization = initialization_of(spec_.bias_init, fan_in_of(shape)),
                                 .control = spec_.control.bias(),
                                 .gradient_per_leaf = true});
    if (activation_.derivative_needs_z()) z_ = planner.saved(out_.values() * kLanes);
    Needs needs;
    needs.x_halo = algorithm_->x_halo();
    needs.dy_halo = algorithm_->dy_halo();
    needs.backward_reads_x = true;
    needs.dx_in_phase1 = true;
    needs.backward_reads_y = !activation_.none() && !activation_.derivative_needs_z();
    if (activation_.is_relu()) needs.leads.add(Fusion::relu_gradient);
    if (activation_.none()) needs.leads.add(Fusion::normalize);
    if (activation_.none() || activation_.is_relu()) needs.leads.add(Fusion::max_pool_2x2);
    if (!algorithm_->pooling_pays()) needs.leads_at_a_loss.add(Fusion::max_pool_2x2);
    return needs;
  }

  void forward(const Pass& pass, int, const ForwardViews& v) const override {
    const bool save_z = z_.valid() && pass.training;
    const BlockView<float> z = save_z ? contiguous_view(pass.buffer(z_), out_) : v.y;
    const Activation activation = v.fused.has(Fusion::normalize) ? v.normalization.activation : activation_;
    const SumEpilogue epilogue{.bias = spec_.bias ? pass.parameter(bias_) : nullptr,
                               .affine = v.normalization.affine,
                               .rectifier = activation.rectifier(),
                               .pool = v.fused.has(Fusion::max_pool_2x2),
                               .winners = v.winners};
    algorithm_->forward(pass, epilogue, v.x, z);
    if (activation.is_apart()) activation_forward(activation, shared_part(pass, z), shared_part(pass, v.y));
  }

  void backward(const Pass& pass, int phase, const BackwardViews& v) const override {
    if (phase == 1) return algorithm_->input_gradient(pass, v.dy, v.dx);
    const Extent outputs = pass.share.channels(out_.c);
    if (outputs.count() == 0) return;
    const BlockView<float> dy = v.dy.channels(outputs.first, outputs.end);
    if (!activation_.none() && !v.fused.has(Fusion::relu_gradient)) {
      const BlockView<const float> zy = z_.valid() ? contiguous_view(pass.buffer(z_), out_) : v.y;
      activation_backward(activation_, shared_part(pass, zy), dy, dy);
    }
    pass.lap(TimePart::backward_data);
    algorithm_->weight_gradient(pass, v.x, v.dy);
    if (spec_.bias) bias_gradient(dy, pass.leaf_gradient(bias_) + outputs.first, pass.accumulate);
    pass.lap(TimePart::backward_weights);
  }

  CallSharing forward_sharing(int, Fusions fused) const override {
    CallSharing sharing = algorithm_->sharings().forward;
    if (fused.has(Fusion::max_pool_2x2)) sharing.row_unit = std::max(sharing.row_unit, 2);
    return sharing;
  }
  CallSharing backward_sharing(int phase, Fusions) const override {
    return phase == 0 ? algorithm_->sharings().weight_gradient : algorithm_->sharings().input_gradient;
  }

  int tasks(Work work) const override { return algorithm_->tasks(work); }
  void run(const Pass& pass, Work work, int task) const override { algorithm_->run(pass, work, task); }

  std::int64_t macs(const Shape& in) const override {
    const Shape out = output_shape(in);
    return out.values() * (in.c / spec_.groups) * spec_.kernel_size.h * spec_.kernel_size.w;
  }
  Window window(const Shape& in) const override {
    const MapSides padding = padding_of(spec_, in);
    return {.kernel = spec_.kernel_size,
            .stride = spec_.stride,
            .dilation = spec_.dilation,
            .padding = {padding.top, padding.left},
            .padding_after = {padding.bottom, padding.right},
            .slides = true,
            .groups = spec_.groups};
  }
  std::string_view outputs_key() const override { return "out_channels"; }
  std::int64_t dense_equivalent_parameters(const Shape& in) const override {
    const Shape out = output_shape(in);
    return in.values() * out.values() + (spec_.bias ? out.values() : 0);
  }

 private:
  /// The channels or rows of maps like y that are a worker's share of forward() or of phase 0 of backward().
  template <class T>
  BlockView<T> shared_part(const Pass& pass, BlockView<T> maps) const {
    const Extent channels = pass.share.channels(out_.c);
    const Extent rows = pass.share.rows(out_.h, algorithm_->sharings().forward.row_unit);
    return maps.channels(channels.first, channels.end).rows(rows.first, rows.end);
  }

  /// Each filter is an eigenvector of the patches' covariance or its negative: there are not more.
  void check_whitening(const Shape& in) const {
    if (spec_.weight_init != WeightInit::whitening) return;
    const std::int64_t patch = std::int64_t{in.c} * spec_.kernel_size.h * spec_.kernel_size.w;
    const Size2 window{spec_.dilation.h * (spec_.kernel_size.h - 1) + 1,
                       spec_.dilation.w * (spec_.kernel_size.w - 1) + 1};
    if (window.h > in.h || window.w > in.w)
      throw LayerError(
          "kernel_size",
          fmt::format("whitening needs windows that fit inside the image, and {} is larger than {}",
                      to_string(window), to_string(in)));
    if (spec_.groups != 1)
      throw LayerError("weight_init", "whitening takes all channels at once and needs groups 1");
    if (spec_.out_channels > 2 * patch)
      throw LayerError(
          "out_channels",
          fmt::format("whitening makes at most {} filters here (2 for each of the {} values in a {}x{} "
                      "window of {} channels), not {}",
                      2 * patch, patch, spec_.kernel_size.h, spec_.kernel_size.w, in.c, spec_.out_channels));
  }

  ConvSpec spec_;
  Activation activation_;
  Shape out_;
  std::unique_ptr<ConvAlgorithm> algorithm_;
  ParameterId bias_;
  BufferId z_;  ///< before the activation function, where its derivative needs that
};

/// What all outputs of one side need beyond the map.
int tensorflow_padding(int size, int kernel, int stride, int dilation) {
  const int outputs = (size - 1) / stride + 1;
  return std::max((outputs - 1) * stride + dilation * (kernel - 1) + 1 - size, 0);
}

}  // namespace

MapSides padding_of(const ConvSpec& spec, const Shape& in) {
  const ConvPadding& p = spec.padding;
  const Size2 k = spec.kernel_size, s = spec.stride, d = spec.dilation;
  Size2 total;
  switch (p.mode) {
    case ConvPadding::Mode::amount:
      return {p.amount.h, p.amount.w, p.amount.h, p.amount.w};
    case ConvPadding::Mode::sides:
      return p.sides;
    case ConvPadding::Mode::valid:
      return {};
    case ConvPadding::Mode::same:
      total = {d.h * (k.h - 1), d.w * (k.w - 1)};
      break;
    case ConvPadding::Mode::same_tensorflow:
      total = {tensorflow_padding(in.h, k.h, s.h, d.h), tensorflow_padding(in.w, k.w, s.w, d.w)};
      break;
  }
  return {total.h / 2, total.w / 2, total.h - total.h / 2, total.w - total.w / 2};
}

std::unique_ptr<Layer> make_layer(const ConvSpec& spec) { return std::make_unique<Conv>(spec); }

}  // namespace cnn
