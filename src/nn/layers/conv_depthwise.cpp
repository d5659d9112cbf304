#include <algorithm>
#include <utility>

#include "kernels/depthwise.h"
#include "nn/layers/conv_algorithm.h"

namespace cnn {
namespace {

/// Every channel by itself, by kernels of its own where these beat the sums of a direct convolution: forward,
/// and the gradient of the input at stride 1, where it is the same sum with the kernel turned around, and at
/// stride 2. Everything else is DirectConv's.
class DepthwiseConv final : public ConvAlgorithm {
 public:
  explicit DepthwiseConv(const ConvGeometry& geometry)
      : spec_(geometry.spec),
        in_(geometry.in),
        out_(geometry.out),
        before_(geometry.before),
        direct_(make_direct_conv(geometry)) {}

  ParameterId plan(ParameterRequest weight, Planner& planner) override {
    return weight_ = direct_->plan(std::move(weight), planner);
  }

  Halo x_halo() const override { return direct_->x_halo(); }
  Halo dy_halo() const override {
    if (spreads()) {
      const DepthwiseBackward shape = backward_shape();
      return {0, shape.zeros_before(), 0, shape.zeros_behind(out_.w)};
    }
    if (!turns_around()) return direct_->dy_halo();
    const Size2 k = spec_.kernel_size, before = before_turned();
    return {std::max(before.h, 0), std::max(before.w, 0), std::max(0, in_.h - before.h + k.h - 1 - out_.h),
            std::max(0, in_.w - before.w + k.w - 1 - out_.w)};
  }
  bool pooling_pays() const override { return direct_->pooling_pays(); }

  void forward(const Pass& pass, const SumEpilogue& epilogue, BlockView<const float> x,
               BlockView<float> y) const override {
    if (epilogue.pool) return direct_->forward(pass, epilogue, x, y);
    sum(pass, epilogue, spec_.stride, false, x, before_, y);
  }

  void weight_gradient(const Pass& pass, BlockView<const float> x, BlockView<const float> dy) const override {
    direct_->weight_gradient(pass, x, dy);
  }

  void input_gradient(const Pass& pass, BlockView<const float> dy, BlockView<float> dx) const override {
    if (spreads()) return spread(pass, dy, dx);
    if (!turns_around()) return direct_->input_gradient(pass, dy, dx);
    sum(pass, {}, {1, 1}, true, dy, before_turned(), dx);
  }

  Sharings sharings() const override { return direct_->sharings(); }
  int tasks(Work work) const override { return direct_->tasks(work); }
  void run(const Pass& pass, Work work, int task) const override { direct_->run(pass, work, task); }

 private:
  bool spreads() const { return spec_.stride == Size2{2, 2}; }
  DepthwiseBackward backward_shape() const {
    return {.kernel_rows = spec_.kernel_size.h,
            .kernel_cols = spec_.kernel_size.w,
            .before_rows = before_.h,
            .before_cols = before_.w,
            .dy_rows = out_.h,
            .dx_rows = in_.h,
            .dx_cols = in_.w};
  }
  void spread(const Pass& pass, BlockView<const float> dy, BlockView<float> dx) const {
    DepthwiseBackward shape = backward_shape();
    shape.dy_row = dy.row;
    shape.dx_row = dx.row;
    const Extent channels = pass.share.channels(in_.c);
    for (int c = channels.first; c < channels.end; ++c)
      depthwise_backward(shape, weights(pass, c), dy.at(c, 0, 0), dx.at(c, 0, 0));
  }

  const float* weights(const Pass& pass, int c) const {
    return pass.parameter(weight_) + std::int64_t{c} * spec_.kernel_size.h * spec_.kernel_size.w;
  }

  bool turns_around() const { return spec_.stride == Size2{1, 1}; }
  /// How far before dx's first pixel its window in dy begins.
  Size2 before_turned() const {
    return {spec_.kernel_size.h - 1 - before_.h, spec_.kernel_size.w - 1 - before_.w};
  }

  void sum(const Pass& pass, const SumEpilogue& epilogue, Size2 stride, bool flipped,
           BlockView<const float> x, Size2 before, BlockView<float> y) const {
    const Extent rows = pass.share.rows(y.h, 1), channels = pass.share.channels(y.c);
    const Depthwise shape{.kernel_rows = spec_.kernel_size.h,
                          .kernel_cols = spec_.kernel_size.w,
                          .stride_rows = stride.h,
                          .stride_cols = stride.w,
                          .rows = y.h,
                          .cols = y.w,
                          .first_row = rows.first,
                          .end_row = rows.end,
                          .x_row = x.row,
                          .y_row = y.row};
    for (int c = channels.first; c < channels.end; ++c)
      depthwise_sum(shape, weights(pass, c), flipped, epilogue.from(c), x.at(c, -before.h, -before.w),
                    y.at(c, 0, 0));
  }

  ConvSpec spec_;
  Shape in_, out_;
  Size2 before_;
  std::unique_ptr<ConvAlgorithm> direct_;
  ParameterId weight_;
};

}  // namespace

bool is_depthwise(const ConvGeometry& geometry) {
  const ConvSpec& spec = geometry.spec;
  return geometry.group_inputs() == 1 && geometry.group_outputs() == 1 && spec.dilation == Size2{1, 1} &&
         is_depthwise_kernel(spec.kernel_size.w, spec.stride.w);
}

std::unique_ptr<ConvAlgorithm> make_depthwise_conv(const ConvGeometry& geometry) {
  if (!is_depthwise(geometry)) return nullptr;
  return std::make_unique<DepthwiseConv>(geometry);
}

}  // namespace cnn
