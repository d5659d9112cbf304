#include "nn/layers/scale.h"

#include "kernels/elementwise.h"
#include "nn/layer.h"

namespace cnn {
namespace {

/// y = factor * x;  dx = factor * dy.
class Scale final : public Layer {
 public:
  explicit Scale(const ScaleSpec& spec) : factor_(static_cast<float>(spec.factor)) {}

  std::string_view type() const override { return "scale"; }
  Shape output_shape(const Shape& in) const override { return in; }
  Needs plan(const Shape& in, Planner&) override {
    shape_ = in;
    return {};
  }
  void forward(const Pass& pass, int, const ForwardViews& all) const override {
    const ForwardViews v = all.channels(pass.share.channels(shape_.c));
    scale(factor_, v.x, v.y);
  }
  void backward(const Pass& pass, int, const BackwardViews& all) const override {
    const BackwardViews v = all.channels(pass.share.channels(shape_.c));
    if (!v.dx.empty()) scale(factor_, v.dy, v.dx);
  }
  CallSharing forward_sharing(int, Fusions) const override { return CallSharing::by_pixels(shape_, shape_); }
  CallSharing backward_sharing(int, Fusions) const override { return CallSharing::by_pixels(shape_, shape_); }

 private:
  float factor_;
  Shape shape_;
};

}  // namespace

std::unique_ptr<Layer> make_layer(const ScaleSpec& spec) { return std::make_unique<Scale>(spec); }

}  // namespace cnn
