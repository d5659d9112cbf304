#include "nn/layers/pool.h"

#include "kernels/pool.h"
#include "nn/layers/sliding.h"

namespace cnn {
namespace {

/// What the three poolings share: maps in, the same number of maps out.
Shape pooled_shape(const Shape& in, std::string_view type, Size2 kernel, Size2 stride, Size2 padding) {
  if (in.flat)
    throw LayerError("",
                     fmt::format("{} needs maps, but its input is a flat vector of {} values; move it before "
                                 "flatten",
                                 type, in.c));
  if (2 * padding.h > kernel.h || 2 * padding.w > kernel.w)
    throw LayerError("padding",
                     fmt::format("{} is more than half the kernel {}; a window could lie in the padding only",
                                 to_string(padding), to_string(kernel)));
  return {.c = in.c,
          .h = sliding_size(in.h, 2 * padding.h, kernel.h, stride.h, 1, in),
          .w = sliding_size(in.w, 2 * padding.w, kernel.w, stride.w, 1, in)};
}

PoolWindow window_of(Size2 kernel, Size2 stride, Size2 padding) {
  return {kernel.h, kernel.w, stride.h, stride.w, padding.h, padding.w};
}

class MaxPool final : public Layer {
 public:
  explicit MaxPool(const MaxPoolSpec& spec)
      : kernel_(spec.kernel_size), stride_(spec.stride.value_or(spec.kernel_size)), padding_(spec.padding) {}

  std::string_view type() const override { return "max_pool"; }

  Shape output_shape(const Shape& in) const override {
    return pooled_shape(in, type(), kernel_, stride_, padding_);
  }

  Needs plan(const Shape& in, Planner& planner) override {
    in_ = in;
    winners_ = planner.saved(output_shape(in).values() * kLanes);
    Needs needs;
    needs.follows.add(Fusion::relu_gradient);
    const Size2 two{2, 2};
    if (kernel_ == two && stride_ == two && padding_ == Size2{0, 0}) {
      needs.follows.add(Fusion::max_pool_2x2);
      needs.follows.add(Fusion::max_pool_gradient);
    }
    needs.winners = winners_;
    return needs;
  }

  void forward(const Pass& pass, int, const ForwardViews& all) const override {
    const Extent channels = pass.share.channels(all.y.c);
    const ForwardViews v = all.channels(channels);
    max_pool_forward(window_of(kernel_, stride_, padding_), v.x, v.y,
                     pass.training ? winners(pass, channels.first) : nullptr,
                     v.fused.has(Fusion::relu_gradient));
  }

  void backward(const Pass& pass, int, const BackwardViews& all) const override {
    if (all.dx.empty()) return;
    const Extent channels = pass.share.channels(all.dy.c);
    const BackwardViews v = all.channels(channels);
    max_pool_backward(window_of(kernel_, stride_, padding_), winners(pass, channels.first), v.dy, v.dx);
  }

  CallSharing forward_sharing(int, Fusions) const override {
    return CallSharing::by_pixels(in_, output_shape(in_));
  }
  CallSharing backward_sharing(int, Fusions) const override {
    return CallSharing::by_pixels(output_shape(in_), in_);
  }

  Window window(const Shape&) const override {
    return {
        .kernel = kernel_, .stride = stride_, .padding = padding_, .padding_after = padding_, .slides = true};
  }

 private:
  /// From channel `first` on. A winner is an int32 in the place of a float.
  std::int32_t* winners(const Pass& pass, int first) const {
    static_assert(sizeof(std::int32_t) == sizeof(float));
    const Shape out = output_shape(in_);
    return reinterpret_cast<std::int32_t*>(pass.buffer(winners_)) +
           std::int64_t{first} * out.h * out.w * kLanes;
  }

  Size2 kernel_, stride_, padding_;
  Shape in_;
  BufferId winners_;
};

class AvgPool final : public Layer {
 public:
  explicit AvgPool(const AvgPoolSpec& spec)
      : kernel_(spec.kernel_size),
        stride_(spec.stride.value_or(spec.kernel_size)),
        padding_(spec.padding),
        count_include_pad_(spec.count_include_pad) {}

  std::string_view type() const override { return "avg_pool"; }

  Shape output_shape(const Shape& in) const override {
    return pooled_shape(in, type(), kernel_, stride_, padding_);
  }

  Needs plan(const Shape& in, Planner&) override {
    in_ = in;
    return {};
  }

  void forward(const Pass& pass, int, const ForwardViews& all) const override {
    const ForwardViews v = all.channels(pass.share.channels(in_.c));
    avg_pool_forward(window_of(kernel_, stride_, padding_), count_include_pad_, v.x, v.y);
  }

  void backward(const Pass& pass, int, const BackwardViews& all) const override {
    const BackwardViews v = all.channels(pass.share.channels(in_.c));
    if (!v.dx.empty())
      avg_pool_backward(window_of(kernel_, stride_, padding_), count_include_pad_, v.dy, v.dx);
  }

  CallSharing forward_sharing(int, Fusions) const override {
    return CallSharing::by_pixels(in_, output_shape(in_));
  }
  CallSharing backward_sharing(int, Fusions) const override {
    return CallSharing::by_pixels(output_shape(in_), in_);
  }

  Window window(const Shape&) const override {
    return {
        .kernel = kernel_, .stride = stride_, .padding = padding_, .padding_after = padding_, .slides = true};
  }

 private:
  Size2 kernel_, stride_, padding_;
  bool count_include_pad_;
  Shape in_;
};

class GlobalAvgPool final : public Layer {
 public:
  std::string_view type() const override { return "global_avg_pool"; }

  Shape output_shape(const Shape& in) const override {
    return pooled_shape(in, type(), {in.h, in.w}, {in.h, in.w}, {0, 0});
  }

  Needs plan(const Shape& in, Planner&) override {
    window_ = window_of({in.h, in.w}, {in.h, in.w}, {0, 0});
    in_ = in;
    return {};
  }

  void forward(const Pass& pass, int, const ForwardViews& all) const override {
    const ForwardViews v = all.channels(pass.share.channels(in_.c));
    avg_pool_forward(window_, true, v.x, v.y);
  }

  void backward(const Pass& pass, int, const BackwardViews& all) const override {
    const BackwardViews v = all.channels(pass.share.channels(in_.c));
    if (!v.dx.empty()) avg_pool_backward(window_, true, v.dy, v.dx);
  }

  CallSharing forward_sharing(int, Fusions) const override {
    return CallSharing::by_pixels(in_, output_shape(in_));
  }
  CallSharing backward_sharing(int, Fusions) const override {
    return CallSharing::by_pixels(output_shape(in_), in_);
  }

  Window window(const Shape&) const override { return {.whole_map = true}; }

 private:
  PoolWindow window_;
  Shape in_;
};

}  // namespace

std::unique_ptr<Layer> make_layer(const MaxPoolSpec& spec) { return std::make_unique<MaxPool>(spec); }
std::unique_ptr<Layer> make_layer(const AvgPoolSpec& spec) { return std::make_unique<AvgPool>(spec); }
std::unique_ptr<Layer> make_layer(const GlobalAvgPoolSpec&) { return std::make_unique<GlobalAvgPool>(); }

}  // namespace cnn
