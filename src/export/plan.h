#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "data/data_spec.h"
#include "kernels/activation.h"
#include "nn/network.h"

namespace cnn {

// What a trained network does to one image, as a list of steps without anything that only training needs:
// dropout is gone, and batch norm, scale and activation functions are part of the step before them where that
// is possible. Every export is written from it. Values are maps [channel][row][column] of one image.

/// y[oc, oh, ow] = bias[oc] + sum over ic, kh, kw of weight[oc, ic, kh, kw] * x[ic, oh*SH + kh*DH - PH, ...],
/// a cross-correlation; what lies outside of x is 0.
struct ExportConv {
  Size2 kernel, stride, dilation;
  Size2 before, after;  ///< padding
  int groups = 1;
  std::vector<float> weight;  ///< [OC][IC/groups][KH][KW]
  std::vector<float> bias;    ///< [OC]
};

/// y[o] = bias[o] + sum over i of weight[o, i] * x[i]; x in the order of its memory.
struct ExportDense {
  std::vector<float> weight;  ///< [OUT][IN]
  std::vector<float> bias;    ///< [OUT]
};

/// y = factor[c] * x + term[c].
struct ExportAffine {
  std::vector<float> factor, term;
};

/// The largest value of each window, or the mean.
struct ExportPool {
  enum class Kind { max, average };
  Kind kind = Kind::max;
  Size2 kernel, stride, padding;
  bool count_padding = true;  ///< average: a window at the border is divided by its whole area
  bool whole_map = false;     ///< the kernel is the map
};

/// Another shape for the same numbers in the same order.
struct ExportFlatten {};
/// Only the activation function of the step.
struct ExportActivation {};
/// y = x + shortcut.
struct ExportSum {};
/// y[c, h, w] = x[c, h, w] * shortcut[c].
struct ExportProduct {};

using ExportAction = std::variant<ExportConv, ExportDense, ExportAffine, ExportPool, ExportFlatten,
                                  ExportActivation, ExportSum, ExportProduct>;

struct ExportStep {
  std::string name;  ///< of the entry of the config that it comes from
  ExportAction action;
  Activation activation;  ///< applied to what the action gives
  /// Values that it reads and writes: indices into ExportPlan::values. shortcut: of a sum or product, else
  /// -1.
  int x = 0, shortcut = -1, y = 0;
};

struct ExportPlan {
  std::string name;  ///< of the config
  std::vector<std::string> classes;
  ImageSpec image;
  std::vector<double> mean, std;  ///< value 0 is (pixel / 255 - mean) / std, per channel
  std::vector<ExportStep> steps;
  std::vector<Shape> values;
  int output = 0;  ///< the value with the logits

  const Shape& in(const ExportStep& step) const { return values[static_cast<std::size_t>(step.x)]; }
  const Shape& out(const ExportStep& step) const { return values[static_cast<std::size_t>(step.y)]; }
};

/// What a model says beside its network.
struct ExportSource {
  std::string name;
  std::vector<std::string> classes;
  ImageSpec image;
  std::vector<double> mean, std;
};

/// Which activation functions become part of the step before them.
enum class ActivationFolding {
  all,
  rectifiers,  ///< relu and relu6; others are steps of their own, so that the range of what they read is
               ///< known
};

/// Throws Error (exit 1) if folding gives a number that float32 cannot hold.
ExportPlan make_export_plan(const Network& network, const ExportSource& source, ActivationFolding folding);

/// Multiply-accumulates for one image; those of a step, and of all.
std::int64_t macs_of(const ExportPlan& plan, const ExportStep& step);
std::int64_t macs_of(const ExportPlan& plan);

/// The steps that read a value.
std::vector<int> readers_of(const ExportPlan& plan, int value);

}  // namespace cnn
