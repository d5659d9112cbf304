#include "inspect/conv_corner.h"

#include <algorithm>
#include <cmath>

namespace cnn {
namespace {

/// Whether a rectifier stops the gradient of an output.
bool is_stopped(ActivationFunction function, float y) {
  const Rectifier rectifier = Activation{function}.rectifier();
  return (rectifier != Rectifier::none && y <= 0) || (rectifier == Rectifier::relu6 && y >= 6);
}

}  // namespace

ConvCorner::ConvCorner(const Scene& scene, const ConvSpec& spec)
    : scene_(scene),
      spec_(spec),
      book_(scene.book),
      weight_(*scene.tensor("weight")),
      bias_(scene.tensor("bias")) {
  const Shape &in = scene.in(), &out = scene.out();
  inputs_ = in.c / spec.groups;
  outputs_ = out.c / spec.groups;
  const MapSides padding = padding_of(spec, in);
  rows_ = {in.h, out.h, spec.kernel_size.h, spec.stride.h, spec.dilation.h, padding.top, padding.bottom};
  columns_ = {in.w, out.w, spec.kernel_size.w, spec.stride.w, spec.dilation.w, padding.left, padding.right};
  choose();
}

/// The corner with the most to see: gradients that are not zero, on inputs that differ.
void ConvCorner::choose() {
  const PatchChoice choice = choose_patch(rows_, columns_);
  whole_ = choice.whole;
  rows_shown_ = choice.rows, columns_shown_ = choice.columns;
  double best = -1;
  // A sample of the output maps is enough, and the first input map of their group.
  const int step = std::max(1, scene_.out().c / 16);
  for (int oc = 0; oc < scene_.out().c; oc += step)
    for (int oh = choice.first_row; oh <= choice.last_row; ++oh)
      for (int ow = choice.first_column; ow <= choice.last_column; ++ow) {
        double gradient = 0, least = 1e30, most = -1e30;
        int alive = 0;
        for (int r = 0; r < rows_shown_; ++r)
          for (int c = 0; c < columns_shown_; ++c) {
            const std::size_t i = at(scene_.out(), 0, oc, oh + r, ow + c);
            const bool dead = is_stopped(spec_.activation, scene_.y()[i]);
            if (!dead) gradient += std::abs(double{scene_.dy()[i]});
            alive += !dead && scene_.dy()[i] != 0;
            const double seen = input(0, input_map(oc, 0), rows_.input(oh + r, rows_.kernel / 2),
                                      columns_.input(ow + c, columns_.kernel / 2));
            least = std::min(least, seen), most = std::max(most, seen);
          }
        const double score = gradient * alive * (1e-6 + most - least);
        if (score > best) best = score, oc_ = oc, oh_ = oh, ow_ = ow;
      }
  // The kernel plane and the weight in it whose gradient there is the largest.
  double largest = -1;
  for (int ic = 0; ic < inputs_; ++ic)
    for (int kh = 0; kh < rows_.kernel; ++kh)
      for (int kw = 0; kw < columns_.kernel; ++kw) {
        double sum = 0, size = 0;
        each_output([&](int oh, int ow) {
          const double value = scene_.dy()[at(scene_.out(), 0, oc_, oh, ow)] *
                               input(0, input_map(oc_, ic), rows_.input(oh, kh), columns_.input(ow, kw));
          sum += value;
          size += value != 0;
        });
        if (std::abs(sum) * size > largest) largest = std::abs(sum) * size, ic_ = ic, kh_ = kh, kw_ = kw;
      }
}

}  // namespace cnn
