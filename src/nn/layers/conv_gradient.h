#pragma once

#include <memory>

#include "kernels/transposed_gradient.h"
#include "nn/layers/conv_algorithm.h"

namespace cnn {

/// One way to compute a direct convolution's weight gradient. Chosen once, by the shape alone.
class ConvGradient {
 public:
  virtual ~ConvGradient() = default;

  /// Asks for the weight as given, with a gradient in the form this one leaves it in, and for scratch.
  virtual ParameterId plan(ParameterRequest weight, Planner& planner) = 0;
  /// As ConvAlgorithm::weight_gradient().
  virtual void compute(const Pass& pass, BlockView<const float> x, BlockView<const float> dy) const = 0;
  /// CallSharing::repeated of compute().
  virtual double repeated_work() const { return 0; }
  /// Of Work::weight_gradient.
  virtual int tasks() const { return 0; }
  virtual void run(const Pass&, int /*task*/) const {}
};

std::unique_ptr<ConvGradient> make_conv_gradient(const ConvGeometry& geometry);

/// For convolutions whose leaves keep gradients in TransposedGradient's form: how large, and adding up.
class TransposedLeaves {
 public:
  explicit TransposedLeaves(const ConvGeometry& geometry)
      : layout_{.taps = geometry.spec.kernel_size.h * geometry.spec.kernel_size.w,
                .inputs = geometry.in.c,
                .outputs = geometry.out.c} {}
  /// Of a leaf's gradient.
  std::int64_t floats() const { return layout_.floats(); }
  /// Of Work::weight_gradient: adds up the leaves, for some outputs each.
  int tasks() const;
  void run(const Pass& pass, ParameterId weight, int task) const;

 private:
  TransposedGradient layout_;
};

}  // namespace cnn
