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
  Needs plan(const Shape&, Planner&) override { return {}; }
  void forward(const Pass&, int, const ForwardViews& v) const override { scale(factor_, v.x, v.y); }
  void backward(const Pass&, int, const BackwardViews& v) const override {
    if (!v.dx.empty()) scale(factor_, v.dy, v.dx);
  }

 private:
  float factor_;
};

}  // namespace

std::unique_ptr<Layer> make_layer(const ScaleSpec& spec) { return std::make_unique<Scale>(spec); }

}  // namespace cnn
