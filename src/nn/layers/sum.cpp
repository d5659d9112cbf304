#include "nn/layers/sum.h"

#include "kernels/elementwise.h"
#include "nn/layer.h"

namespace cnn {
namespace {

/// Both inputs get the same gradient, dy * activation'.
class Sum final : public Layer {
 public:
  explicit Sum(const SumSpec& spec) : activation_{spec.activation} {}

  std::string_view type() const override { return "residual"; }
  Shape output_shape(const Shape& in) const override { return in; }

  Needs plan(const Shape& in, Planner& planner) override {
    shape_ = in;
    if (activation_.derivative_needs_z()) z_ = planner.saved(in.values() * kLanes);
    Needs needs;
    needs.backward_reads_y = !activation_.none() && !activation_.derivative_needs_z();
    return needs;
  }

  void forward(const Pass& pass, int, const ForwardViews& all) const override {
    const Extent channels = pass.share.channels(shape_.c);
    const ForwardViews v = all.channels(channels);
    if (!activation_.is_apart()) return add(v.x, v.shortcut, v.y, activation_.rectifier());
    const bool save_z = z_.valid() && pass.training;
    const BlockView<float> z = save_z ? z_view(pass).channels(channels.first, channels.end) : v.y;
    add(v.x, v.shortcut, z);
    activation_forward(activation_, z, v.y);
  }

  void backward(const Pass& pass, int, const BackwardViews& all) const override {
    const Extent channels = pass.share.channels(shape_.c);
    const BackwardViews v = all.channels(channels);
    if (activation_.is_apart()) {
      const BlockView<const float> zy =
          z_.valid() ? z_view(pass).channels(channels.first, channels.end) : v.y;
      activation_backward(activation_, zy, v.dy, v.dy);
    }
    add_backward(activation_.rectifier(), v.y, v.dy, v.dx, v.dshortcut);
  }

  CallSharing forward_sharing(int, Fusions) const override { return CallSharing::by_pixels(shape_, shape_); }
  CallSharing backward_sharing(int, Fusions) const override { return CallSharing::by_pixels(shape_, shape_); }

 private:
  BlockView<float> z_view(const Pass& pass) const {
    return {pass.buffer(z_), shape_.c, shape_.h, shape_.w, shape_.w, std::int64_t{shape_.h} * shape_.w};
  }

  Activation activation_;
  Shape shape_;
  BufferId z_;
};

}  // namespace

std::unique_ptr<Layer> make_layer(const SumSpec& spec) { return std::make_unique<Sum>(spec); }

}  // namespace cnn
