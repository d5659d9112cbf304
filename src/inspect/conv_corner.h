#pragma once

#include <vector>

#include "inspect/explain_parts.h"

namespace cnn {

/// Larger patches are not drawn.
inline constexpr int kWidestGrid = 10;
/// Maps whose part of a sum is written out.
inline constexpr int kPartsShown = 6;

/// A convolution and the corner of it that is shown: a few outputs of one output map, and what one weight of
/// its kernel for one input map does there. Only for files of this folder.
struct ConvCorner {
  ConvCorner(const Scene& scene, const ConvSpec& spec);

  double weight(int oc, int ic, int kh, int kw) const {
    return weight_
        .values[(static_cast<std::size_t>(oc * inputs_ + ic) * static_cast<std::size_t>(rows_.kernel) +
                 static_cast<std::size_t>(kh)) *
                    static_cast<std::size_t>(columns_.kernel) +
                static_cast<std::size_t>(kw)];
  }
  double bias(int oc) const { return bias_ ? bias_->values[static_cast<std::size_t>(oc)] : 0; }
  /// The input map that the ic-th kernel plane of output map oc reads.
  int input_map(int oc, int ic) const { return oc / outputs_ * inputs_ + ic; }

  /// 0 in the padding.
  double input(int image, int map, int h, int w) const {
    if (!rows_.inside(h) || !columns_.inside(w)) return 0;
    return scene_.x()[at(scene_.in(), image, map, h, w)];
  }
  /// The part of an output that comes from one input map.
  double part(int image, int oc, int ic, int oh, int ow) const {
    double sum = 0;
    for (int kh = 0; kh < rows_.kernel; ++kh)
      for (int kw = 0; kw < columns_.kernel; ++kw)
        sum += weight(oc, ic, kh, kw) *
               input(image, input_map(oc, ic), rows_.input(oh, kh), columns_.input(ow, kw));
    return sum;
  }
  double z(int image, int oc, int oh, int ow) const {
    double sum = bias(oc);
    for (int ic = 0; ic < inputs_; ++ic) sum += part(image, oc, ic, oh, ow);
    return sum;
  }
  /// dy times the slope of the activation function at that output.
  double dz(int image, int oc, int oh, int ow) const {
    const double dy = scene_.dy()[at(scene_.out(), image, oc, oh, ow)];
    if (spec_.activation == ActivationFunction::none || dy == 0) return dy;
    return dy * slope_at(spec_.activation, 0.01, z(image, oc, oh, ow)).derivative;
  }

  template <class Body>
  void each_output(const Body& body) const {
    for (int r = 0; r < rows_shown_; ++r)
      for (int c = 0; c < columns_shown_; ++c) body(oh_ + r, ow_ + c);
  }

  const Scene& scene_;
  const ConvSpec& spec_;
  Notebook& book_;
  const Tensor& weight_;
  const Tensor* bias_;
  int inputs_ = 1, outputs_ = 1;  ///< maps of a group
  WindowSide rows_, columns_;
  bool whole_ = false;  ///< no output lies clear of the padding: show everything
  int rows_shown_ = 1, columns_shown_ = 1;
  int oc_ = 0, oh_ = 0, ow_ = 0, ic_ = 0, kh_ = 0, kw_ = 0;

 private:
  void choose();
};

/// What a step sends back through it.
void explain_conv_backward(const ConvCorner& corner);

}  // namespace cnn
