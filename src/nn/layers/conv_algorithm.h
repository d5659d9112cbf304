#pragma once

#include <memory>

#include "kernels/sum_epilogue.h"
#include "nn/layer.h"
#include "nn/layers/conv.h"

namespace cnn {

/// A convolution with all sizes known. The letters are those of kernels/letters.h.
struct ConvGeometry {
  ConvSpec spec;
  Shape in, out;
  Size2 before;  ///< PH, PW
  int group_inputs() const { return in.c / spec.groups; }
  int group_outputs() const { return out.c / spec.groups; }
  /// The first pixel that the window of output (0, 0) reads, in the channels of group g: in the halo, if any.
  const float* first_window(BlockView<const float> x, int g) const {
    return x.at(g * group_inputs(), -before.h, -before.w);
  }
};

/// One way to compute a convolution's three sums. Chosen once, by the shape alone; const after plan().
///
///     y[oc, oh, ow]      = b[oc] + sum over ic, kh, kw of w[oc, ic, kh, kw] * x[ic, oh*SH + kh*DH - PH, ...]
///     dw[oc, ic, kh, kw] = sum over images, oh, ow of dy[oc, oh, ow] * x[ic, oh*SH + kh*DH - PH, ...]
///     dx[ic, ih, iw]     = sum over oc, kh, kw with ih = oh*SH + kh*DH - PH, ... of w[oc, ic, kh, kw] *
///                          dy[oc, oh, ow]
class ConvAlgorithm {
 public:
  virtual ~ConvAlgorithm() = default;

  /// Asks for the weight as given, with a gradient in the form this algorithm leaves it in, and for packed
  /// weights and scratch.
  virtual ParameterId plan(ParameterRequest weight, Planner& planner) = 0;
  virtual Halo x_halo() const = 0;   ///< that forward() and weight_gradient() read
  virtual Halo dy_halo() const = 0;  ///< that input_gradient() reads

  // Each does the share of the channels or rows of what it writes that pass.share says.

  /// Overwrites y.
  virtual void forward(const Pass& pass, const SumEpilogue& epilogue, BlockView<const float> x,
                       BlockView<float> y) const = 0;
  /// Whether a pooling in the epilogue is faster than one behind, on the instruction set in use.
  virtual bool pooling_pays() const = 0;
  /// Overwrites or adds to the leaf's gradient, as pass.accumulate says.
  virtual void weight_gradient(const Pass& pass, BlockView<const float> x,
                               BlockView<const float> dy) const = 0;
  /// Overwrites dx.
  virtual void input_gradient(const Pass& pass, BlockView<const float> dy, BlockView<float> dx) const = 0;

  /// As Layer's, of forward(), weight_gradient() and input_gradient().
  struct Sharings {
    CallSharing forward, weight_gradient, input_gradient;
  };
  virtual Sharings sharings() const = 0;

  /// As Layer's.
  virtual int tasks(Work work) const = 0;
  virtual void run(const Pass& pass, Work work, int task) const = 0;
};

/// One channel in, one out for each group, and a kernel that there is code for (kernels/depthwise.h).
bool is_depthwise(const ConvGeometry& geometry);

/// Null unless is_depthwise().
std::unique_ptr<ConvAlgorithm> make_depthwise_conv(const ConvGeometry& geometry);

/// Any convolution.
std::unique_ptr<ConvAlgorithm> make_direct_conv(const ConvGeometry& geometry);

/// 3x3, stride 1, no dilation or groups, padding at most 2: in fewer multiplications (kernels/winograd.h).
/// Null where that is impossible or does not pay.
std::unique_ptr<ConvAlgorithm> make_winograd_conv(const ConvGeometry& geometry);

}  // namespace cnn
