#include "nn/layers/excitation.h"

#include "kernels/elementwise.h"
#include "nn/layer.h"

namespace cnn {
namespace {

/// With g the shortcut: dx[c, h, w] = dy * g[c];  dg[c] = sum over h, w of dy * x. g is kept for the way
/// back.
class Excitation final : public Layer {
 public:
  std::string_view type() const override { return "squeeze_excite"; }
  Shape output_shape(const Shape& in) const override { return in; }

  Needs plan(const Shape& in, Planner& planner) override {
    shape_ = in;
    factors_ = planner.saved(std::int64_t{in.c} * kLanes);
    Needs needs;
    needs.backward_reads_x = true;
    return needs;
  }

  void forward(const Pass& pass, int, const ForwardViews& all) const override {
    const Extent channels = pass.share.channels(shape_.c);
    const ForwardViews v = all.channels(channels);
    if (pass.training) copy(v.shortcut, factors(pass).channels(channels.first, channels.end));
    multiply_maps(v.x, v.shortcut, v.y);
  }

  void backward(const Pass& pass, int, const BackwardViews& all) const override {
    const Extent channels = pass.share.channels(shape_.c);
    const BackwardViews v = all.channels(channels);
    if (!v.dx.empty()) multiply_maps(v.dy, factors(pass).channels(channels.first, channels.end), v.dx);
    if (!v.dshortcut.empty()) sum_products(v.dy, v.x, v.dshortcut);
  }

  CallSharing forward_sharing(int, Fusions) const override { return CallSharing::by_pixels(shape_, shape_); }
  CallSharing backward_sharing(int, Fusions) const override { return CallSharing::by_pixels(shape_, shape_); }

  /// The shortcut has seen all of x.
  Window window(const Shape&) const override { return {.whole_map = true, .groups = 1}; }

 private:
  BlockView<float> factors(const Pass& pass) const { return {pass.buffer(factors_), shape_.c, 1, 1, 1, 1}; }

  Shape shape_;
  BufferId factors_;
};

}  // namespace

std::unique_ptr<Layer> make_layer(const ExcitationSpec&) { return std::make_unique<Excitation>(); }

}  // namespace cnn
