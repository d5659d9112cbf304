#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/text.h"
#include "inspect/explain_parts.h"

namespace cnn {
namespace {

/// Larger patches are not drawn.
constexpr int kWidestGrid = 10;
/// Input maps whose part of a sum is written.
constexpr int kPartsShown = 6;
/// More products of one input map are not written out.
constexpr std::size_t kProductsShown = 12;
constexpr const char* kPaddingIsZero =
    " They count as 0, so the weights that meet them add nothing to this output.";

/// A convolution and the corner of it that is looked at: a few outputs of one output map, what one weight of
/// the kernel between one input map and it does there.
class ConvStory {
 public:
  ConvStory(const Scene& scene, const ConvSpec& spec)
      : scene_(scene),
        spec_(spec),
        book_(scene.book),
        weight_(*scene.tensor("weight")),
        bias_(scene.tensor("bias")) {
    const Shape &in = scene.in(), &out = scene.out();
    inputs_ = in.c / spec.groups;
    outputs_ = out.c / spec.groups;
    Size2 before = spec.padding.amount, after = before;
    if (spec.padding.mode == ConvPadding::Mode::valid) before = after = {0, 0};
    if (spec.padding.mode == ConvPadding::Mode::same) {
      const Size2 total{spec.dilation.h * (spec.kernel_size.h - 1),
                        spec.dilation.w * (spec.kernel_size.w - 1)};
      before = {total.h / 2, total.w / 2};
      after = {total.h - before.h, total.w - before.w};
    }
    rows_ = {in.h, out.h, spec.kernel_size.h, spec.stride.h, spec.dilation.h, before.h, after.h};
    columns_ = {in.w, out.w, spec.kernel_size.w, spec.stride.w, spec.dilation.w, before.w, after.w};
    choose();
  }

  void tell() {
    size();
    parameters();
    forward();
    if (!whole_ && (rows_.padded() || columns_.padded())) border();
    backward();
  }

 private:
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

  /// The corner with the most to see: gradients that are not zero, on inputs that differ.
  void choose() {
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
              const bool dead = spec_.activation == ActivationFunction::relu && scene_.y()[i] <= 0;
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

  template <class Body>
  void each_output(const Body& body) const {
    for (int r = 0; r < rows_shown_; ++r)
      for (int c = 0; c < columns_shown_; ++c) body(oh_ + r, ow_ + c);
  }

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
    if (inputs_ > kPartsShown) {
      double rest = 0;
      for (std::size_t i = kPartsShown; i < terms.size(); ++i) rest += terms[i];
      terms.resize(kPartsShown);
      terms.push_back(rest);
      written.push_back(fmt::format("{} (the other {})", term(rest), inputs_ - kPartsShown));
    }
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
      book_.value("y", fmt::format("{}(z)", name_of(spec_.activation)),
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

  /// The patch with all its input maps, as images for the layer alone.
  std::vector<float> patch(int top, int left, int height, int width) const {
    std::vector<float> values;
    for (int c = 0; c < scene_.in().c; ++c)
      for (int h = top; h < top + height; ++h)
        for (int w = left; w < left + width; ++w) values.push_back(static_cast<float>(input(0, c, h, w)));
    return values;
  }

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
        fmt::format("dz = dy x slope of {}", name_of(spec_.activation)), rows_shown_, columns_shown_, {}};
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
    book_.say(
        fmt::format("The weight in row {}, column {} of the kernel from map {} to map {} took part in every "
                    "output. Its gradient "
                    "adds up, over the outputs, {} times the input that it met there:",
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

  /// The input of the patch that most of the outputs shown read; of several the one next to the middle. With
  /// gaps between windows, or in them, nothing may read the middle.
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
    if (outputs_ > kPartsShown) {
      double rest = 0;
      for (std::size_t i = kPartsShown; i < parts.size(); ++i) rest += parts[i];
      parts.resize(kPartsShown);
      parts.push_back(rest);
      written.push_back(fmt::format("{} (the other {})", term(rest), outputs_ - kPartsShown));
    }
    book_.say(fmt::format(
        "And the input x({},{}) gets back, from {} of a map that read it, {} times the weight it was read "
        "with; all output maps together:",
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

  const Scene& scene_;
  const ConvSpec& spec_;
  Notebook& book_;
  const Tensor& weight_;
  const Tensor* bias_;
  int inputs_ = 1, outputs_ = 1;  ///< maps of a group
  Axis rows_, columns_;
  bool whole_ = false;  ///< no output lies clear of the padding: look at everything
  int rows_shown_ = 1, columns_shown_ = 1;
  int oc_ = 0, oh_ = 0, ow_ = 0, ic_ = 0, kh_ = 0, kw_ = 0;
};

}  // namespace

void explain_conv(const Scene& scene, const ConvSpec& spec) { ConvStory(scene, spec).tell(); }

}  // namespace cnn
