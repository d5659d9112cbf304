#include "nn/layers/activation.h"

#include "nn/layer.h"

namespace cnn {
namespace {

class ActivationLayer final : public Layer {
 public:
  explicit ActivationLayer(const ActivationSpec& spec)
      : activation_{spec.function, static_cast<float>(spec.negative_slope)} {}

  std::string_view type() const override { return "activation"; }
  Shape output_shape(const Shape& in) const override { return in; }

  Needs plan(const Shape& in, Planner&) override {
    shape_ = in;
    Needs needs;
    needs.backward_reads_x = activation_.derivative_needs_z();
    needs.backward_reads_y = !needs.backward_reads_x;
    return needs;
  }

  void forward(const Pass& pass, int, const ForwardViews& all) const override {
    const ForwardViews v = all.channels(pass.share.channels(shape_.c));
    activation_forward(activation_, v.x, v.y);
  }

  void backward(const Pass& pass, int, const BackwardViews& all) const override {
    const BackwardViews v = all.channels(pass.share.channels(shape_.c));
    if (!v.dx.empty())
      activation_backward(activation_, activation_.derivative_needs_z() ? v.x : v.y, v.dy, v.dx);
  }

  CallSharing forward_sharing(int, Fusions) const override { return CallSharing::by_pixels(shape_, shape_); }
  CallSharing backward_sharing(int, Fusions) const override { return CallSharing::by_pixels(shape_, shape_); }

 private:
  Activation activation_;
  Shape shape_;
};

}  // namespace

std::unique_ptr<Layer> make_layer(const ActivationSpec& spec) {
  return std::make_unique<ActivationLayer>(spec);
}

}  // namespace cnn
