#include "nn/layers/conv_gradient.h"

#include <algorithm>
#include <utility>

#include "kernels/depthwise.h"
#include "kernels/product_gradient.h"
#include "kernels/weight_gradient.h"
#include "nn/layers/conv_terms.h"

namespace cnn {
namespace {

/// Images stay in the lanes; a few outputs and terms at a time.
class LaneGradient final : public ConvGradient {
 public:
  explicit LaneGradient(const ConvGeometry& geometry) : geometry_(geometry), terms_(geometry) {}

  ParameterId plan(ParameterRequest weight, Planner& planner) override {
    weight.gradient_per_leaf = true;
    planner.training_scratch(terms_.scratch() + weight_gradient_scratch(terms_.count()));
    return weight_ = planner.parameter(std::move(weight));
  }

  void compute(const Pass& pass, BlockView<const float> x, BlockView<const float> dy) const override {
    WeightGradient gradient;
    gradient.terms = terms_.count();
    gradient.offsets = terms_.offsets(pass, x);
    gradient.rows = geometry_.out.h;
    gradient.cols = geometry_.out.w;
    gradient.x_row = std::int64_t{geometry_.spec.stride.h} * x.row * kLanes;
    gradient.x_col = std::int64_t{geometry_.spec.stride.w} * kLanes;
    gradient.dy_row = std::int64_t{dy.row} * kLanes;
    gradient.dy_output = dy.plane * kLanes;
    const int of_group = geometry_.group_outputs();
    ConvTerms::for_each_group(
        pass.share.channels(geometry_.out.c), of_group, [&](int g, const Extent& outputs) {
          const int first = g * of_group + outputs.first;
          gradient.outputs = outputs.count();
          weight_gradient(gradient, geometry_.first_window(x, g), dy.at(first, 0, 0),
                          pass.leaf_gradient(weight_) + std::int64_t{first} * terms_.count(), pass.accumulate,
                          pass.scratch() + terms_.scratch());
        });
  }

 private:
  ConvGeometry geometry_;
  ConvTerms terms_;
  ParameterId weight_;
};

/// Every channel by itself.
class DepthwiseGradient final : public ConvGradient {
 public:
  explicit DepthwiseGradient(const ConvGeometry& geometry) : geometry_(geometry) {}

  ParameterId plan(ParameterRequest weight, Planner& planner) override {
    weight.gradient_per_leaf = true;
    return weight_ = planner.parameter(std::move(weight));
  }

  void compute(const Pass& pass, BlockView<const float> x, BlockView<const float> dy) const override {
    const ConvSpec& spec = geometry_.spec;
    const Depthwise shape{.kernel_rows = spec.kernel_size.h,
                          .kernel_cols = spec.kernel_size.w,
                          .stride_rows = spec.stride.h,
                          .stride_cols = spec.stride.w,
                          .rows = geometry_.out.h,
                          .cols = geometry_.out.w,
                          .x_row = x.row,
                          .y_row = dy.row};
    const Extent channels = pass.share.channels(geometry_.out.c);
    for (int c = channels.first; c < channels.end; ++c)
      depthwise_gradient(shape, geometry_.first_window(x, c), dy.at(c, 0, 0),
                         pass.leaf_gradient(weight_) + c * spec.kernel_size.h * spec.kernel_size.w,
                         pass.accumulate);
  }

 private:
  ConvGeometry geometry_;
  ParameterId weight_;
};

/// Channels become the vector.
class ChannelGradient final : public ConvGradient {
 public:
  explicit ChannelGradient(const ConvGeometry& geometry) : geometry_(geometry), leaves_(geometry) {}

  ParameterId plan(ParameterRequest weight, Planner& planner) override {
    weight.gradient_per_leaf = true;
    weight.leaf_floats = leaves_.floats();
    planner.training_scratch(product_gradient_scratch(shape()));
    return weight_ = planner.parameter(std::move(weight));
  }

  void compute(const Pass& pass, BlockView<const float> x, BlockView<const float> dy) const override {
    ProductGradient gradient = shape();
    gradient.x_row = x.row;
    gradient.x_plane = x.plane;
    gradient.dy_row = dy.row;
    gradient.dy_plane = dy.plane;
    const Extent outputs = pass.share.channels(geometry_.out.c);
    product_gradient(gradient, outputs.first, outputs.end, geometry_.first_window(x, 0), dy.data,
                     pass.leaf_gradient(weight_), pass.accumulate, pass.scratch());
  }

  /// Every share transposes x.
  double repeated_work() const override { return transposing_work(shape()) * geometry_.in.c; }
  int tasks() const override { return leaves_.tasks(); }
  void run(const Pass& pass, int task) const override { leaves_.run(pass, weight_, task); }

 private:
  ProductGradient shape() const {
    const ConvSpec& spec = geometry_.spec;
    return {.inputs = geometry_.in.c,
            .outputs = geometry_.out.c,
            .kernel_rows = spec.kernel_size.h,
            .kernel_cols = spec.kernel_size.w,
            .stride_rows = spec.stride.h,
            .stride_cols = spec.stride.w,
            .dilation_rows = spec.dilation.h,
            .dilation_cols = spec.dilation.w,
            .rows = geometry_.out.h,
            .cols = geometry_.out.w};
  }

  ConvGeometry geometry_;
  TransposedLeaves leaves_;
  ParameterId weight_;
};

/// Outputs of one task that brings gradients into PyTorch's layout.
constexpr int kOutputsOfTask = 16;

}  // namespace

std::unique_ptr<ConvGradient> make_conv_gradient(const ConvGeometry& geometry) {
  if (is_depthwise(geometry)) return std::make_unique<DepthwiseGradient>(geometry);
  const Size2 k = geometry.spec.kernel_size;
  if (geometry.spec.groups == 1 &&
      product_gradient_pays(geometry.in.c, geometry.out.c, k.h * k.w, geometry.in.values()))
    return std::make_unique<ChannelGradient>(geometry);
  return std::make_unique<LaneGradient>(geometry);
}

int TransposedLeaves::tasks() const { return (layout_.outputs + kOutputsOfTask - 1) / kOutputsOfTask; }

void TransposedLeaves::run(const Pass& pass, ParameterId weight, int task) const {
  const int first = task * kOutputsOfTask;
  sum_transposed_leaves(layout_, pass.leaf_gradient(weight), pass.leaf_stride, pass.leaves,
                        pass.gradient(weight), first, std::min(first + kOutputsOfTask, layout_.outputs));
}

}  // namespace cnn
