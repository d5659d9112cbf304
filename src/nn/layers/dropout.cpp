#include "nn/layers/dropout.h"

#include "core/random.h"
#include "kernels/elementwise.h"
#include "nn/layers/sliding.h"

namespace cnn {
namespace {

/// The mask of an image depends on the seed, the step, the image's place in the batch and the layer: never on
/// the thread or the block size.
class Dropout final : public Layer {
 public:
  explicit Dropout(const DropoutSpec& spec) : p_(static_cast<float>(spec.p)) {}

  std::string_view type() const override { return "dropout"; }
  bool differs_in_training() const override { return p_ > 0; }
  Shape output_shape(const Shape& in) const override { return in; }

  Needs plan(const Shape& in, Planner& planner) override {
    shape_ = in;
    factors_ = planner.saved(in.values() * kLanes);
    return {};
  }

  void forward(const Pass& pass, int, const ForwardViews& v) const override {
    if (!pass.training) return copy(v.x, v.y);
    float* factors = pass.buffer(factors_);
    const float keep = 1.0f / (1.0f - p_);
    const std::int64_t values = shape_.values();
    for (int lane = 0; lane < kLanes; ++lane) {
      const auto image = static_cast<std::uint32_t>(pass.block * kLanes + lane);
      // The buffer's index tells the dropout layers of a network apart.
      Random random(pass.seed + (std::uint64_t{static_cast<std::uint32_t>(factors_.index)} << 40),
                    Purpose::dropout, pass.step, image);
      for (std::int64_t i = 0; i < values; ++i)
        factors[i * kLanes + lane] = random.uniform() < p_ ? 0.0f : keep;
    }
    multiply(v.x, contiguous_view<const float>(factors, shape_), v.y);
  }

  void backward(const Pass& pass, int, const BackwardViews& all) const override {
    const Extent channels = pass.share.channels(shape_.c);
    const BackwardViews v = all.channels(channels);
    const auto factors = contiguous_view<const float>(pass.buffer(factors_), shape_);
    if (!v.dx.empty()) multiply(v.dy, factors.channels(channels.first, channels.end), v.dx);
  }

  CallSharing backward_sharing(int, Fusions) const override { return CallSharing::by_pixels(shape_, shape_); }

 private:
  float p_;
  Shape shape_;
  BufferId factors_;  ///< 0 or 1/(1-p) for every value
};

}  // namespace

std::unique_ptr<Layer> make_layer(const DropoutSpec& spec) { return std::make_unique<Dropout>(spec); }

}  // namespace cnn
