#include "nn/layers/batch_norm.h"

#include <algorithm>
#include <cmath>

#include "kernels/activation.h"
#include "kernels/batch_norm.h"
#include "nn/layer.h"

namespace cnn {
namespace {

/// y = act((x - mean) / sqrt(var + eps) * weight + bias), per channel.
///
/// Training takes mean and var (biased) over the m values of the batch's images: phase 0 of forward measures
/// each block, the reduction joins the blocks in order, phase 1 normalizes. With z = y before act, dz = dy *
/// act'(z) and xhat = (x - mean) / sqrt(var + eps):
///
///     db = sum of dz,  dw = sum of dz * xhat,
///     dx = weight / sqrt(var + eps) * (dz - db/m - xhat * dw/m)
///
/// Backward's phase 0 takes the sums, the reduction joins them, phase 1 computes dx. z is computed again from
/// x, so that nothing but x is kept. Running statistics: r = (1 - momentum) r + momentum * batch, the
/// variance unbiased.
///
/// With frozen statistics, training takes the running ones: no image knows of another, so there is one phase
/// each way, and the constants do not depend on x:
///
///     db = sum of dz,  dw = sum of dz * xhat,  dx = weight / sqrt(var + eps) * dz
class BatchNorm final : public Layer {
 public:
  explicit BatchNorm(const BatchNormSpec& spec) : spec_(spec), activation_{spec.activation} {}

  std::string_view type() const override { return "batch_norm"; }
  bool normalizes_over_batch() const override { return !frozen(); }
  bool differs_in_training() const override { return !frozen(); }
  Shape output_shape(const Shape& in) const override { return in; }

  Needs plan(const Shape& in, Planner& planner) override {
    channels_ = in.c;
    map_ = std::int64_t{in.h} * in.w;
    const std::int64_t c = channels_;
    if (spec_.affine == BatchNormSpec::Affine::scale_and_bias)
      weight_ = planner.parameter({.name = "weight",
                                   .shape = {c},
                                   .initialization = Initialization::constant(1),
                                   .control = spec_.control.weight(),
                                   .gradient_per_leaf = frozen()});
    if (spec_.affine != BatchNormSpec::Affine::none)
      bias_ = planner.parameter({.name = "bias",
                                 .shape = {c},
                                 .initialization = Initialization::constant(0),
                                 .control = spec_.control.bias(),
                                 .gradient_per_leaf = frozen()});
    running_mean_ = planner.state("running_mean", {c}, 0);
    running_var_ = planner.state("running_var", {c}, 1);
    running_ = planner.constant(kConstants * c);
    used_ = frozen() ? running_ : planner.constant(kConstants * c);
    if (!frozen()) moments_ = planner.statistic(3 * c);
    sums_ = planner.statistic(2 * c);
    planner.scratch(std::int64_t{in.w} * kLanes);
    Needs needs;
    needs.backward_reads_x = true;
    needs.phase1_reads_x = !frozen();
    needs.two_phases = !frozen();
    needs.follows.add(Fusion::normalize);
    if (activation_.none() || activation_.is_relu()) needs.leads.add(Fusion::max_pool_2x2);
    if (!activation_.is_apart()) needs.leads.add(Fusion::max_pool_gradient);
    // On small maps two passes are faster than one. It pays only where it saves a way through memory.
    constexpr std::int64_t kNearFloats = (2 << 20) / sizeof(float);
    if (in.values() * kLanes <= kNearFloats) needs.leads_at_a_loss.add(Fusion::max_pool_2x2);
    return needs;
  }

  void forward(const Pass& pass, int phase, const ForwardViews& all) const override {
    const Extent channels = pass.share.channels(channels_);
    const ForwardViews v = all.channels(channels);
    if (phase == 0 && pass.training && !frozen()) {
      static_assert(sizeof(Moments) == 3 * sizeof(double));
      channel_moments(v.x, pass.images,
                      reinterpret_cast<Moments*>(pass.statistic(moments_)) + channels.first);
      return;
    }
    const ChannelAffine constants = affine(pass, pass.training ? used_ : running_, channels.first);
    if (v.fused.has(Fusion::max_pool_2x2))
      return normalize_and_pool(constants, activation_.rectifier(), v.x, v.y,
                                winners_from(v.winners, v.y, channels.first));
    normalize_forward(constants, activation_.rectifier(), v.x, v.y);
    if (activation_.is_apart()) activation_forward(activation_, v.y, v.y);
  }

  void backward(const Pass& pass, int phase, const BackwardViews& all) const override {
    const Extent channels = pass.share.channels(channels_);
    const BackwardViews v = all.channels(channels);
    const ChannelAffine used = affine(pass, used_, channels.first);
    const std::int32_t* const winners = winners_from(v.winners, v.dy, channels.first);
    if (phase == 0) {
      if (activation_.is_apart()) activation_gradient(pass, used, v);
      double* sums = pass.statistic(sums_) + channels.first;
      normalize_sums(used, activation_.rectifier(), v.x, {v.dy, winners}, pass.images, sums,
                     sums + channels_);
      if (!frozen()) return;
      add_gradients(pass, channels);
      if (v.dx.empty()) return;
    }
    const float* constants = pass.constant(used_) + channels.first;
    normalize_backward({used, constants + kMeanDy * channels_, constants + kSlope * channels_},
                       activation_.rectifier(), v.x, {v.dy, winners}, pass.images, v.dx);
  }

  Normalization normalization(const Pass& pass) const override {
    return {affine(pass, running_, 0), activation_};
  }

  CallSharing forward_sharing(int, Fusions) const override { return sharing(); }
  CallSharing backward_sharing(int, Fusions) const override { return sharing(); }

  int tasks(Work) const override { return (channels_ + kChannelsOfTask - 1) / kChannelsOfTask; }

  void run(const Pass& pass, Work work, int task) const override {
    const int end = std::min(channels_, (task + 1) * kChannelsOfTask);
    for (int c = task * kChannelsOfTask; c < end; ++c) {
      if (work == Work::pack) use_running_statistics(pass, c);
      if (work == Work::reduce_forward) reduce_forward(pass, c);
      if (work == Work::reduce_backward) reduce_backward(pass, c);
    }
  }

 private:
  /// Per-channel constants of a step, one array of `channels_` after the other.
  enum { kMean, kScale, kShift, kInverseStd, kMeanDy, kSlope, kConstants };

  /// Few, since a reduction costs little; but not all of a wide layer in one task.
  static constexpr int kChannelsOfTask = 64;

  bool frozen() const { return spec_.control.frozen_statistics; }

  /// Winners from channel `first` on; `pooled` has the size of the pooling's maps.
  template <class Winner, class Maps>
  static Winner* winners_from(Winner* winners, const Maps& pooled, int first) {
    return winners ? winners + std::int64_t{first} * pooled.h * pooled.w * kLanes : nullptr;
  }

  CallSharing sharing() const {
    const Shape shape{.c = channels_, .h = static_cast<int>(map_)};
    return CallSharing::by_pixels(shape, shape);
  }

  /// Of the channels from `first` on.
  ChannelAffine affine(const Pass& pass, ConstantId id, int first) const {
    const float* constants = pass.constant(id) + first;
    return {constants + kMean * channels_, constants + kScale * channels_, constants + kShift * channels_};
  }

  void set_affine(const Pass& pass, ConstantId id, int c, double mean, double variance) const {
    float* constants = pass.constant(id);
    const float inverse_std = static_cast<float>(1 / std::sqrt(variance + spec_.eps));
    constants[kMean * channels_ + c] = static_cast<float>(mean);
    constants[kInverseStd * channels_ + c] = inverse_std;
    constants[kScale * channels_ + c] =
        weight_.valid() ? pass.parameter(weight_)[c] * inverse_std : inverse_std;
    constants[kShift * channels_ + c] = bias_.valid() ? pass.parameter(bias_)[c] : 0.0f;
  }

  void use_running_statistics(const Pass& pass, int c) const {
    set_affine(pass, running_, c, pass.state(running_mean_)[c], pass.state(running_var_)[c]);
    for (const int zero : {kMeanDy, kSlope}) pass.constant(running_)[zero * channels_ + c] = 0;
  }

  void reduce_forward(const Pass& pass, int c) const {
    Moments all;
    for (int block = 0; block < pass.blocks; ++block)
      all.merge(reinterpret_cast<const Moments*>(pass.statistic(moments_, block))[c]);
    const double variance = all.m2 / all.count;
    set_affine(pass, used_, c, all.mean, variance);
    const auto blend = [&](float& running, double batch) {
      running = static_cast<float>((1 - spec_.momentum) * running + spec_.momentum * batch);
    };
    blend(pass.state(running_mean_)[c], all.mean);
    blend(pass.state(running_var_)[c], all.m2 / (all.count - 1));
  }

  void reduce_backward(const Pass& pass, int c) const {
    float* constants = pass.constant(used_);
    const double m = static_cast<double>(map_ * pass.batch_images);
    double sum_dy = 0, sum_dy_x = 0;
    for (int block = 0; block < pass.blocks; ++block) {
      const double* sums = pass.statistic(sums_, block);
      sum_dy += sums[c];
      sum_dy_x += sums[channels_ + c];
    }
    const double inverse_std = constants[kInverseStd * channels_ + c];
    constants[kMeanDy * channels_ + c] = static_cast<float>(sum_dy / m);
    constants[kSlope * channels_ + c] = static_cast<float>(sum_dy_x * inverse_std * inverse_std / m);
    if (bias_.valid()) pass.gradient(bias_)[c] = static_cast<float>(sum_dy);
    if (weight_.valid()) pass.gradient(weight_)[c] = static_cast<float>(sum_dy_x * inverse_std);
  }

  /// Frozen statistics: this block's part, from its sums.
  void add_gradients(const Pass& pass, const Extent& channels) const {
    const double* sums = pass.statistic(sums_);
    const float* inverse_std = pass.constant(used_) + kInverseStd * channels_;
    const auto add = [&](ParameterId id, int c, double part) {
      float& gradient = pass.leaf_gradient(id)[c];
      gradient = (pass.accumulate ? gradient : 0.0f) + static_cast<float>(part);
    };
    for (int c = channels.first; c < channels.end; ++c) {
      if (bias_.valid()) add(bias_, c, sums[c]);
      if (weight_.valid()) add(weight_, c, sums[channels_ + c] * static_cast<double>(inverse_std[c]));
    }
  }

  /// dy becomes dz, in place. z (or y) of one row at a time is computed again into scratch. all: of v's
  /// channels.
  void activation_gradient(const Pass& pass, const ChannelAffine& all, const BackwardViews& v) const {
    const int width = v.dy.w;
    const BlockView<float> zy{pass.scratch(), 1, 1, width, width, width};
    for (int c = 0; c < v.dy.c; ++c) {
      const ChannelAffine one{all.mean + c, all.scale + c, all.shift + c};
      for (int h = 0; h < v.dy.h; ++h) {
        const BlockView<const float> x{v.x.at(c, h, 0), 1, 1, width, width, width};
        const BlockView<float> dy{v.dy.at(c, h, 0), 1, 1, width, width, width};
        normalize_forward(one, Rectifier::none, x, zy);
        if (!activation_.derivative_needs_z()) activation_forward(activation_, zy, zy);
        activation_backward(activation_, zy, dy, dy);
      }
    }
  }

  BatchNormSpec spec_;
  Activation activation_;
  int channels_ = 0;
  std::int64_t map_ = 0;
  ParameterId weight_, bias_;  ///< valid if they are learned
  StateId running_mean_, running_var_;
  ConstantId running_, used_;  ///< constants of the running statistics, and of those that training uses
  StatisticId moments_, sums_;
};

}  // namespace

std::unique_ptr<Layer> make_layer(const BatchNormSpec& spec) { return std::make_unique<BatchNorm>(spec); }

}  // namespace cnn
