#include <spdlog/fmt/fmt.h>

#include <cmath>
#include <utility>

#include "core/text.h"
#include "inspect/conv_corner.h"

namespace cnn {
namespace {

/// What comes back through a convolution there: to one weight, the bias and one input.
class ConvBackward : private ConvCorner {
 public:
  explicit ConvBackward(const ConvCorner& corner) : ConvCorner(corner) {}

  void backward() {
    const int top = whole_ ? 0 : rows_.input(oh_, 0), left = whole_ ? 0 : columns_.input(ow_, 0);
    const int height = whole_ ? rows_.size : rows_.input(oh_ + rows_shown_ - 1, rows_.kernel - 1) - top + 1;
    const int width =
        whole_ ? columns_.size : columns_.input(ow_ + columns_shown_ - 1, columns_.kernel - 1) - left + 1;
    LayerSpec alone = scene_.entry;
    auto& spec = std::get<ConvSpec>(alone.spec);
    if (!whole_) spec.padding = {};
    std::vector<float> dy;
    for (int oc = 0; oc < scene_.out().c; ++oc)
      each_output([&](int oh, int ow) { dy.push_back(scene_.dy()[at(scene_.out(), 0, oc, oh, ow)]); });
    const Shape in{.c = scene_.in().c, .h = height, .w = width};
    const LayerAlone engine(scene_, alone, in, 1, patch(top, left, height, width), dy);

    book_.heading(
        fmt::format("Backward, on {}", whole_ ? std::string("the whole input")
                                              : patch_text(height, width, rows_shown_, columns_shown_)));
    const bool slope = spec_.activation != ActivationFunction::none;
    const int map = input_map(oc_, ic_);
    std::vector<Grid> grids;
    if (height <= kWidestGrid && width <= kWidestGrid) {
      Grid x{fmt::format("x: map {}, from row {}, column {}", map, top, left), height, width, {}};
      for (int h = 0; h < height; ++h)
        for (int w = 0; w < width; ++w) x.values.push_back(input(0, map, top + h, left + w));
      grids.push_back(x);
    }
    Grid dy_grid{fmt::format("dy: map {}", oc_), rows_shown_, columns_shown_, {}};
    Grid dz_grid{
        fmt::format("dz = dy x slope of {}", word_of(spec_.activation)), rows_shown_, columns_shown_, {}};
    each_output([&](int oh, int ow) {
      dy_grid.values.push_back(scene_.dy()[at(scene_.out(), 0, oc_, oh, ow)]);
      dz_grid.values.push_back(dz(0, oc_, oh, ow));
    });
    grids.push_back(dy_grid);
    if (slope) grids.push_back(dz_grid);
    book_.say(fmt::format(
        "dy is the gradient of the loss with respect to each output, as the next layer sent it back.{}",
        slope ? " Through the activation function it is multiplied by that function's slope at the output."
              : ""));
    book_.grids(grids);

    const char* d = slope ? "dz" : "dy";
    book_.say(fmt::format(
        "The weight in row {}, column {} of the kernel from map {} to map {} took part in every output. Its "
        "gradient is the sum, over the outputs, of {} times the input that it met there:",
        kh_, kw_, map, oc_, d));
    std::vector<double> terms, biases;
    std::vector<std::string> written, written_biases;
    std::string left_side;
    each_output([&](int oh, int ow) {
      const int h = rows_.input(oh, kh_), w = columns_.input(ow, kw_);
      const double gradient = dz(0, oc_, oh, ow), x = input(0, map, h, w);
      terms.push_back(gradient * x);
      written.push_back(fmt::format("{} x {}", term(gradient), term(x)));
      biases.push_back(gradient);
      written_biases.push_back(term(gradient));
      if (terms.size() <= 4)
        left_side += fmt::format("{}{}({},{}) x({},{})", terms.size() > 1 ? " + " : "", d, oh - oh_, ow - ow_,
                                 h - top, w - left);
    });
    if (terms.size() > 4) left_side += " + ...";
    const auto place =
        static_cast<std::size_t>(((oc_ * inputs_ + ic_) * rows_.kernel + kh_) * columns_.kernel + kw_);
    const std::string name = fmt::format("dw({},{})", kh_, kw_);
    book_.say(fmt::format("{} = {}", name, left_side));
    book_.sum(std::string(name.size(), ' '), terms, written,
              engine.gradient(scene_.entry.name + ".weight")[place]);
    if (bias_) {
      book_.say("The bias was added to every output, so its gradient is their sum:");
      book_.sum("db", biases, written_biases,
                engine.gradient(scene_.entry.name + ".bias")[static_cast<std::size_t>(oc_)]);
    }
    input_gradient(engine, in, top, left);
    whole_map(terms.size());
  }

 private:
  /// The patch with all its input maps, as images for the layer alone.
  std::vector<float> patch(int top, int left, int height, int width) const {
    std::vector<float> values;
    for (int c = 0; c < scene_.in().c; ++c)
      for (int h = top; h < top + height; ++h)
        for (int w = left; w < left + width; ++w) values.push_back(static_cast<float>(input(0, c, h, w)));
    return values;
  }

  /// The input of the patch that is read by most of the outputs shown; of several the one nearest the middle.
  /// With gaps between or inside windows, possibly no output reads the middle.
  std::pair<int, int> most_read(const Shape& in, int top, int left) const {
    std::pair<int, int> best{top, left};
    int most = -1, nearest = 0;
    for (int h = top; h < top + in.h; ++h)
      for (int w = left; w < left + in.w; ++w) {
        int readers = 0;
        each_output([&](int oh, int ow) {
          for (int kh = 0; kh < rows_.kernel; ++kh)
            for (int kw = 0; kw < columns_.kernel; ++kw)
              readers += rows_.input(oh, kh) == h && columns_.input(ow, kw) == w;
        });
        const int distance = std::abs(h - top - in.h / 2) + std::abs(w - left - in.w / 2);
        if (readers > most || (readers == most && distance < nearest))
          best = {h, w}, most = readers, nearest = distance;
      }
    return best;
  }

  /// What one input of the patch gets back.
  void input_gradient(const LayerAlone& engine, const Shape& in, int top, int left) {
    const std::pair<int, int> shown = most_read(in, top, left);
    const int h = shown.first, w = shown.second, map = input_map(oc_, ic_);
    std::vector<double> parts;
    std::vector<std::string> written;
    int count = 0;
    const int group = oc_ / outputs_ * outputs_;
    for (int oc = group; oc < group + outputs_; ++oc) {
      double sum = 0;
      each_output([&](int oh, int ow) {
        for (int kh = 0; kh < rows_.kernel; ++kh)
          for (int kw = 0; kw < columns_.kernel; ++kw)
            if (rows_.input(oh, kh) == h && columns_.input(ow, kw) == w) {
              sum += weight(oc, ic_, kh, kw) * dz(0, oc, oh, ow);
              count += oc == group;
            }
      });
      parts.push_back(sum);
      if (oc < group + kPartsShown) written.push_back(fmt::format("{} (map {})", term(sum), oc));
    }
    join_others(parts, written, kPartsShown);
    book_.say(
        fmt::format("The input x({},{}) gets back, from {} of a map that read it, {} times the weight that "
                    "it met; summed over all output maps:",
                    h - top, w - left,
                    count == 1 ? std::string("the one output") : fmt::format("each of the {} outputs", count),
                    spec_.activation == ActivationFunction::none ? "dy" : "dz"));
    book_.sum(fmt::format("dx({},{})", h - top, w - left), parts, written,
              engine.dx()[at(in, 0, map, h - top, w - left)]);
  }

  /// The same weight in the whole step.
  void whole_map(std::size_t in_patch) {
    const auto all = static_cast<std::size_t>(scene_.trace.images() * rows_.outputs * columns_.outputs);
    if (all == in_patch) return;
    double sum = 0, scale = 0;
    for (int image = 0; image < scene_.trace.images(); ++image)
      for (int oh = 0; oh < rows_.outputs; ++oh)
        for (int ow = 0; ow < columns_.outputs; ++ow) {
          const double value = dz(image, oc_, oh, ow) * input(image, input_map(oc_, ic_),
                                                              rows_.input(oh, kh_), columns_.input(ow, kw_));
          sum += value;
          scale += std::abs(value);
        }
    const auto place =
        static_cast<std::size_t>(((oc_ * inputs_ + ic_) * rows_.kernel + kh_) * columns_.kernel + kw_);
    book_.say("In the whole step the same sum goes over all positions; this is where sharing shows:");
    book_.value(
        fmt::format("dw({},{}), {} ({}{})", kh_, kw_, counted(static_cast<std::int64_t>(all), "term"),
                    scene_.trace.images() > 1 ? fmt::format("{} images x ", scene_.trace.images()) : "",
                    counted(std::int64_t{rows_.outputs} * columns_.outputs, "position")),
        "", sum, scene_.trace.parameter_gradient(weight_)[place], scale);
  }
};

}  // namespace

void explain_conv_backward(const ConvCorner& corner) { ConvBackward(corner).backward(); }

}  // namespace cnn
