#include <spdlog/fmt/fmt.h>

#include <cmath>
#include <utility>

#include "core/text.h"
#include "inspect/conv_corner.h"

namespace cnn {
namespace {

/// More products of one input map are not written out.
constexpr std::size_t kProductsShown = 12;
constexpr const char* kPaddingIsZero =
    " They count as 0, so the weights that meet them add nothing to this output.";

/// What a convolution computes there.
class ConvForward : private ConvCorner {
 public:
  explicit ConvForward(const ConvCorner& corner) : ConvCorner(corner) {}

  void tell() {
    size();
    parameters();
    forward();
    if (!whole_ && (rows_.padded() || columns_.padded())) border();
  }

 private:
  void size() {
    book_.heading("Size of the output: how often the kernel fits, one stride apart");
    explain_size(book_, rows_, columns_);
    const Shape& out = scene_.out();
    book_.say(fmt::format("{}, one for each kernel: {} x {} x {} = {}", counted(out.c, "output map"), out.c,
                          out.h, out.w, counted(out.values(), "value")));
  }

  void parameters() {
    const std::int64_t oc = scene_.out().c;
    const auto kernel = std::int64_t{rows_.kernel} * columns_.kernel * inputs_;
    const std::int64_t count = oc * kernel + (bias_ ? oc : 0);
    book_.heading("Parameters: one kernel for all positions");
    const std::string group = spec_.groups > 1 ? fmt::format(" of its group ({} groups)", spec_.groups) : "";
    book_.say(fmt::format("{} x ({}x{}x{}){} = {}: {} with {}x{} weights for {}{}", oc, rows_.kernel,
                          columns_.kernel, inputs_, bias_ ? fmt::format(" + {}", oc) : "", with_commas(count),
                          counted(oc, "kernel"), rows_.kernel, columns_.kernel,
                          inputs_ == 1 ? "the one input map" + group
                                       : fmt::format("each of the {} input maps{}", inputs_, group),
                          bias_ ? ", and a bias each" : ", no bias"));
    const std::int64_t outputs = scene_.out().values();
    book_.say(fmt::format("multiply-adds for an image: {} x {} = {}", counted(outputs, "output"),
                          with_commas(kernel), with_commas(outputs * kernel)));
  }

  void forward() {
    book_.heading(fmt::format("Forward: output map {}, row {}, column {}", oc_, oh_, ow_));
    book_.say(fmt::format(
        "It reads {} and {} of {}, multiplies each input with the weight at its place, and adds up{}.",
        rows_.reach(oh_, "row"), columns_.reach(ow_, "column"),
        inputs_ == 1 ? fmt::format("input map {}", input_map(oc_, 0)) : fmt::format("{} input maps", inputs_),
        bias_ ? ", then adds the bias" : ""));
    if (whole_) book_.say(border_text(rows_, columns_, oh_, ow_) + kPaddingIsZero);
    draw_window(oh_, ow_);
    output_sum(oh_, ow_);
  }

  /// What the window of an output reads of one input map, and the kernel that it meets.
  void draw_window(int oh, int ow) {
    if (rows_.kernel > kWidestGrid || columns_.kernel > kWidestGrid) return;
    const int map = input_map(oc_, ic_);
    Grid x{fmt::format("inputs, map {}", map), rows_.kernel, columns_.kernel, {}};
    Grid w{fmt::format("kernel, map {} to {}", map, oc_), rows_.kernel, columns_.kernel, {}};
    for (int kh = 0; kh < rows_.kernel; ++kh)
      for (int kw = 0; kw < columns_.kernel; ++kw) {
        const int h = rows_.input(oh, kh), column = columns_.input(ow, kw);
        x.values.push_back(input(0, map, h, column));
        x.padding.push_back(!rows_.inside(h) || !columns_.inside(column));
        w.values.push_back(weight(oc_, ic_, kh, kw));
      }
    book_.grids({x, w});
  }

  /// An output as the sum over the input maps and the bias.
  void output_sum(int oh, int ow) {
    std::vector<double> terms;
    std::vector<std::string> written;
    for (int ic = 0; ic < inputs_; ++ic) {
      terms.push_back(part(0, oc_, ic, oh, ow));
      if (ic < kPartsShown)
        written.push_back(fmt::format("{} (map {})", term(terms.back()), input_map(oc_, ic)));
    }
    join_others(terms, written, kPartsShown);
    if (bias_) {
      terms.push_back(bias(oc_));
      written.push_back(fmt::format("{} (bias)", term(bias(oc_))));
    }
    const double engine = scene_.y()[at(scene_.out(), 0, oc_, oh, ow)];
    if (spec_.activation == ActivationFunction::none) {
      book_.sum("y", terms, written, engine);
    } else {
      double scale = 0, sum = 0;
      for (const double t : terms) scale += std::abs(t), sum += t;
      book_.say(fmt::format("z = {} = {}", join(written, " + "), short_number(sum)));
      book_.value("y", fmt::format("{}(z)", word_of(spec_.activation)),
                  slope_at(spec_.activation, 0.01, sum).value, engine, scale);
    }
  }

  /// An output whose window reaches into the padding.
  void border() {
    const int oh = rows_.border_output(), ow = columns_.border_output();
    book_.heading(fmt::format("At the border: output map {}, row {}, column {}", oc_, oh, ow));
    book_.say(border_text(rows_, columns_, oh, ow) + kPaddingIsZero);
    draw_window(oh, ow);
    const int map = input_map(oc_, ic_);
    std::vector<std::string> products;
    for (int kh = 0; kh < rows_.kernel; ++kh)
      for (int kw = 0; kw < columns_.kernel; ++kw) {
        const int h = rows_.input(oh, kh), w = columns_.input(ow, kw);
        if (rows_.inside(h) && columns_.inside(w))
          products.push_back(
              fmt::format("{} x {}", term(input(0, map, h, w)), term(weight(oc_, ic_, kh, kw))));
      }
    if (!products.empty() && products.size() <= kProductsShown)
      book_.say(fmt::format("map {}: {} = {}", map, join(products, " + "),
                            short_number(part(0, oc_, ic_, oh, ow))));
    output_sum(oh, ow);
  }
};

}  // namespace

void explain(const Scene& scene, const ConvSpec& spec) {
  const ConvCorner corner(scene, spec);
  ConvForward(corner).tell();
  explain_conv_backward(corner);
}

}  // namespace cnn
