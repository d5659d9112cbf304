#include <algorithm>

#include "kernels/winograd.h"
#include "nn/layers/conv_algorithm.h"
#include "nn/layers/conv_gradient.h"

namespace cnn {
namespace {

/// Ranges of outputs begin at multiples of this (kernels/winograd.h).
constexpr int kGroup = 8;

constexpr int kTaps = 9;

class WinogradConv final : public ConvAlgorithm {
 public:
  explicit WinogradConv(const ConvGeometry& geometry)
      : in_(geometry.in), out_(geometry.out), before_(geometry.before), leaves_(geometry) {}

  ParameterId plan(ParameterRequest weight, Planner& planner) override {
    weight.gradient_per_leaf = true;
    weight.leaf_floats = leaves_.floats();
    weight_ = planner.parameter(std::move(weight));
    packed_ = planner.constant(winograd_packed_size(in_.c, out_.c));
    packed_flipped_ = planner.constant(winograd_packed_size(out_.c, in_.c));
    planner.scratch(winograd_sum_scratch(shape_of(in_.c, out_)));
    planner.training_scratch(std::max(winograd_sum_scratch(shape_of(out_.c, in_)),
                                      winograd_gradient_scratch(shape_of(in_.c, out_))));
    return weight_;
  }

  /// Whole windows lie in a tile: what is in registers already need not be stored and read again.
  bool pooling_pays() const override { return true; }

  // The last tiles may read more rows or columns than the windows.
  Halo x_halo() const override { return halo(before_, in_, out_); }
  Halo dy_halo() const override { return halo(flipped_before(), out_, in_); }

  void forward(const Pass& pass, const SumEpilogue& epilogue, BlockView<const float> x,
               BlockView<float> y) const override {
    sum(pass, packed_, epilogue, before_, x, y, out_);
  }

  void weight_gradient(const Pass& pass, BlockView<const float> x, BlockView<const float> dy) const override {
    Winograd shape = shape_of(in_.c, out_);
    shape.x_row = x.row;
    shape.x_plane = x.plane;
    shape.y_row = dy.row;
    shape.y_plane = dy.plane;
    const Extent outputs = pass.share.channels(out_.c);
    winograd_weight_gradient(shape, outputs.first, outputs.end, x.at(0, -before_.h, -before_.w), dy.data,
                             pass.leaf_gradient(weight_), pass.accumulate, pass.scratch());
  }

  void input_gradient(const Pass& pass, BlockView<const float> dy, BlockView<float> dx) const override {
    sum(pass, packed_flipped_, {}, flipped_before(), dy, dx, in_);
  }

  Sharings sharings() const override {
    return {.forward = sum_sharing(in_.c, out_),
            .weight_gradient = gradient_sharing(),
            .input_gradient = sum_sharing(out_.c, in_)};
  }

  int tasks(Work work) const override {
    if (work == Work::pack) return winograd_groups(out_.c) + winograd_groups(in_.c);
    if (work == Work::weight_gradient) return leaves_.tasks();
    return 0;
  }

  void run(const Pass& pass, Work work, int task) const override {
    if (work == Work::weight_gradient) {
      leaves_.run(pass, weight_, task);
    } else if (task < winograd_groups(out_.c)) {
      winograd_pack(pass.parameter(weight_), in_.c, out_.c, kTaps, std::int64_t{kTaps} * in_.c, false,
                    pass.constant(packed_), task);
    } else {
      winograd_pack(pass.parameter(weight_), out_.c, in_.c, std::int64_t{kTaps} * in_.c, kTaps, true,
                    pass.constant(packed_flipped_), task - winograd_groups(out_.c));
    }
  }

 private:
  static Winograd shape_of(int inputs, const Shape& out) {
    return {.inputs = inputs, .outputs = out.c, .rows = out.h, .cols = out.w};
  }

  /// The input gradient is the convolution of dy with the kernel turned around: window ih reads dy from
  /// ih + PH - 2 on.
  Size2 flipped_before() const { return {2 - before_.h, 2 - before_.w}; }

  static Halo halo(Size2 before, const Shape& in, const Shape& out) {
    const auto beyond = [](int in_size, int out_size, int pad) {
      return std::max(0, winograd_tiles(out_size) * kWinogradTile + 2 - pad - in_size);
    };
    return {before.h, before.w, beyond(in.h, out.h, before.h), beyond(in.w, out.w, before.w)};
  }

  // Counted work: sums and products of the transforms of a tile, and the products of its 36 positions.
  static constexpr double kTransformX = 200, kTransformY = 150, kPositions = 36;

  static CallSharing sum_sharing(int inputs, const Shape& out) {
    const double tiles = shape_of(inputs, out).tiles();
    const double repeated = tiles * inputs * kTransformX;
    return {.channels = out.c,
            .least_channels = kGroup,
            .rows = out.h,
            .row_unit = kWinogradTile,
            .work = repeated + tiles * out.c * (kTransformY + kPositions * inputs),
            .repeated = repeated};
  }

  CallSharing gradient_sharing() const {
    const double tiles = shape_of(in_.c, out_).tiles();
    const double repeated = tiles * in_.c * kTransformX;
    return {.channels = out_.c,
            .least_channels = kGroup,
            .work = repeated + tiles * out_.c * (kTransformY + kPositions * in_.c),
            .repeated = repeated};
  }

  /// `out`: before a pooling.
  static void sum(const Pass& pass, ConstantId packed, const SumEpilogue& epilogue, Size2 before,
                  BlockView<const float> x, BlockView<float> y, const Shape& out) {
    const Winograd shape{.inputs = x.c,
                         .outputs = out.c,
                         .rows = out.h,
                         .cols = out.w,
                         .x_row = x.row,
                         .x_plane = x.plane,
                         .y_row = y.row,
                         .y_plane = y.plane};
    const Extent channels = pass.share.channels(out.c), rows = pass.share.rows(out.h, kWinogradTile);
    const WinogradPart part{.first_output = channels.first,
                            .end_output = channels.end,
                            .first_tile_row = rows.first / kWinogradTile,
                            .end_tile_row = winograd_tiles(rows.end)};
    winograd_sum(shape, part, pass.constant(packed), epilogue, x.at(0, -before.h, -before.w), y.data,
                 pass.scratch());
  }

  Shape in_, out_;
  Size2 before_;
  TransposedLeaves leaves_;
  ParameterId weight_;
  ConstantId packed_, packed_flipped_;
};

}  // namespace

std::unique_ptr<ConvAlgorithm> make_winograd_conv(const ConvGeometry& geometry) {
  const ConvSpec& spec = geometry.spec;
  const Size2 one{1, 1}, three{3, 3};
  const bool possible = spec.kernel_size == three && spec.stride == one && spec.dilation == one &&
                        spec.groups == 1 && geometry.before.h <= 2 && geometry.before.w <= 2;
  if (!possible || !winograd_pays(geometry.in.c, geometry.out.c, geometry.out.h, geometry.out.w))
    return nullptr;
  return std::make_unique<WinogradConv>(geometry);
}

}  // namespace cnn
