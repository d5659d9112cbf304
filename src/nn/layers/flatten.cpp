#include "nn/layers/flatten.h"

#include "kernels/elementwise.h"
#include "nn/layer.h"

namespace cnn {
namespace {

/// Changes the shape and nothing else: the values already lie in the order c, h, w. Forward and backward copy
/// from one set of pitches to the other.
class Flatten final : public Layer {
 public:
  std::string_view type() const override { return "flatten"; }

  Shape output_shape(const Shape& in) const override {
    return {.c = static_cast<int>(in.values()), .flat = true};
  }

  Needs plan(const Shape&, Planner&) override { return {}; }

  void forward(const Pass&, int, const ForwardViews& v) const override { copy(v.x, with_shape_of(v.x, v.y)); }

  void backward(const Pass&, int, const BackwardViews& v) const override {
    if (!v.dx.empty()) copy(with_shape_of(v.dx, v.dy), v.dx);
  }

 private:
  /// The vector as the maps that it was: it has no halo.
  template <class Maps>
  static BlockView<float> with_shape_of(const Maps& maps, BlockView<float> vector) {
    return {vector.data, maps.c, maps.h, maps.w, maps.w, std::int64_t{maps.h} * maps.w};
  }
};

}  // namespace

std::unique_ptr<Layer> make_layer(const FlattenSpec&) { return std::make_unique<Flatten>(); }

}  // namespace cnn
