#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "inspect/explain_parts.h"

namespace cnn {
namespace {

/// The node that writes a value other than the network's input.
std::size_t writer(const std::vector<Node>& nodes, int value) {
  return static_cast<std::size_t>(
      std::find_if(nodes.begin(), nodes.end(), [&](const Node& node) { return node.y == value; }) -
      nodes.begin());
}

/// The 1x1 convolution and the batch_norm of a shortcut, at one place of the sum of image 0.
class Projection {
 public:
  Projection(const Scene& scene, std::size_t place)
      : trace_(scene.trace),
        book_(scene.book),
        norm_(writer(nodes(), scene.of().shortcut)),
        conv_(writer(nodes(), nodes()[norm_].x)),
        in_(nodes()[conv_].in),
        out_(nodes()[conv_].out),
        place_(place),
        weight_(tensor(conv_, "weight")) {
    const std::size_t map = static_cast<std::size_t>(out_.h * out_.w);
    oc_ = static_cast<int>(place / map);
    oh_ = static_cast<int>(place % map) / out_.w;
    ow_ = static_cast<int>(place % map) % out_.w;
    // As the engine chooses it: ceil(in / stride) == out.
    stride_ = {(in_.h + out_.h - 1) / out_.h, (in_.w + out_.w - 1) / out_.w};
  }

  void tell() {
    forward();
    backward();
  }

 private:
  const std::vector<Node>& nodes() const { return trace_.network().nodes(); }
  const Tensor& tensor(std::size_t node, const char* name) const {
    const auto& all = trace_.network().tensors();
    return *std::find_if(all.begin(), all.end(),
                         [&](const Tensor& one) { return one.name == nodes()[node].name + "." + name; });
  }
  std::span<const float> output(std::size_t node) const { return trace_.output(static_cast<int>(node)); }
  std::span<const float> gradient(std::size_t node) const {
    return trace_.output_gradient(static_cast<int>(node));
  }
  double x(int image, int ic, int oh, int ow) const {
    return trace_.input(static_cast<int>(conv_))[at(in_, image, ic, oh * stride_.h, ow * stride_.w)];
  }
  double weight(int oc, int ic) const { return weight_.values[static_cast<std::size_t>(oc * in_.c + ic)]; }
  /// body(image, row, column) for all places of an output map in the batch.
  template <class Body>
  void each_position(const Body& body) const {
    for (int image = 0; image < trace_.images(); ++image)
      for (int h = 0; h < out_.h; ++h)
        for (int w = 0; w < out_.w; ++w) body(image, h, w);
  }

  void forward() {
    book_.heading(fmt::format("The shortcut, forward: a 1x1 convolution with stride {}, then a batch_norm",
                              to_string(stride_)));
    book_.say(fmt::format("Output map {}, row {}, column {} reads one position, row {}, column {}, of {}:",
                          oc_, oh_, ow_, oh_ * stride_.h, ow_ * stride_.w, counted(in_.c, "input map")));
    std::vector<double> terms;
    std::vector<std::string> written;
    for (int ic = 0; ic < in_.c; ++ic) {
      terms.push_back(x(0, ic, oh_, ow_) * weight(oc_, ic));
      written.push_back(fmt::format("{} x {}", term(x(0, ic, oh_, ow_)), term(weight(oc_, ic))));
    }
    book_.sum("c", terms, written, output(conv_)[place_]);

    const auto c = output(conv_);
    double sum = 0, squares = 0;
    each_position([&](int n, int h, int w) { sum += c[at(out_, n, oc_, h, w)]; });
    mean_ = sum / positions();
    each_position([&](int n, int h, int w) {
      const double distance = c[at(out_, n, oc_, h, w)] - mean_;
      squares += distance * distance;
    });
    const double variance = squares / positions();
    root_ = std::sqrt(variance + BatchNormSpec{}.eps);
    const auto channel = static_cast<std::size_t>(oc_);
    gamma_ = tensor(norm_, "weight").values[channel];
    const double beta = tensor(norm_, "bias").values[channel];
    book_.say(
        fmt::format("Over the {} of this map in the batch, c has mean {} and variance {}; with scale {} "
                    "and shift {}:",
                    counted(positions(), "position"), short_number(mean_), short_number(variance),
                    short_number(gamma_), short_number(beta)));
    book_.value("shortcut",
                fmt::format("{} x ({} - {}) / sqrt({} + {}) + {}", term(gamma_), term(c[place_]), term(mean_),
                            short_number(variance), short_number(BatchNormSpec{}.eps), term(beta)),
                gamma_ * normal(place_) + beta, output(norm_)[place_], std::abs(gamma_) + std::abs(beta));
  }

  void backward() {
    book_.heading("The shortcut, backward: through the batch_norm to c, and on to weight and input");
    const auto dz = gradient(norm_);
    double sum = 0, sum_normal = 0, largest = 0;
    each_position([&](int n, int h, int w) {
      const std::size_t i = at(out_, n, oc_, h, w);
      sum += dz[i];
      sum_normal += dz[i] * normal(i);
      largest = std::max(largest, std::abs(double{dz[i]}));
    });
    const double factor = gamma_ / root_, mean_dz = sum / positions(), slope = sum_normal / positions();
    book_.say("With n = (c - mean) / sqrt(variance + eps), and dz from the sum:");
    book_.value("dc = scale / sqrt(variance + eps) x (dz - mean(dz) - n x mean(dz x n))",
                fmt::format("{} x ({} - {} - {} x {})", short_number(factor), term(dz[place_]), term(mean_dz),
                            term(normal(place_)), term(slope)),
                factor * (dz[place_] - mean_dz - normal(place_) * slope), gradient(conv_)[place_],
                std::abs(factor) * largest);

    // The input map whose value at this place is the largest.
    int ic = 0;
    for (int i = 1; i < in_.c; ++i)
      if (std::abs(x(0, i, oh_, ow_)) > std::abs(x(0, ic, oh_, ow_))) ic = i;
    const auto dc = gradient(conv_);
    double all = 0, scale = 0;
    each_position([&](int n, int h, int w) {
      const double product = dc[at(out_, n, oc_, h, w)] * x(n, ic, h, w);
      all += product, scale += std::abs(product);
    });
    book_.say(fmt::format("The weight from map {} to map {} met an input at each of the {} positions:", ic,
                          oc_, with_commas(positions())));
    book_.value("dw",
                fmt::format("{} x {} + ... (dc x x, {})", term(dc[place_]), term(x(0, ic, oh_, ow_)),
                            counted(positions(), "term")),
                all, trace_.parameter_gradient(weight_)[static_cast<std::size_t>(oc_ * in_.c + ic)], scale);
    std::vector<double> terms;
    std::vector<std::string> written;
    for (int oc = 0; oc < out_.c; ++oc) {
      const double one = dc[at(out_, 0, oc, oh_, ow_)];
      terms.push_back(one * weight(oc, ic));
      written.push_back(fmt::format("{} x {}", term(one), term(weight(oc, ic))));
    }
    const std::size_t read = at(in_, 0, ic, oh_ * stride_.h, ow_ * stride_.w);
    book_.say(fmt::format("The input at {} gets back, from every output map, dc times the weight:",
                          place_text(in_, read)));
    book_.sum("dx through the shortcut", terms, written,
              trace_.input_gradient(static_cast<int>(conv_))[read]);
  }

  /// Values of a channel in the batch.
  int positions() const { return trace_.images() * out_.h * out_.w; }
  double normal(std::size_t i) const { return (output(conv_)[i] - mean_) / root_; }

  const StepTrace& trace_;
  Notebook& book_;
  std::size_t norm_, conv_;  ///< nodes
  Shape in_, out_;           ///< of the convolution
  std::size_t place_;
  const Tensor& weight_;
  Size2 stride_;
  int oc_ = 0, oh_ = 0, ow_ = 0;
  double mean_ = 0, root_ = 1, gamma_ = 1;
};

}  // namespace

void explain(const Scene& scene, const ResidualSpec& spec) {
  Notebook& book = scene.book;
  const Network& network = scene.trace.network();
  const auto& nodes = network.nodes();
  const bool projection = spec.shortcut == ResidualSpec::Shortcut::projection;
  book.heading("Two ways from the input to a sum");
  book.say(fmt::format(
      "y = {}branch(x) + shortcut(x){}: the branch is what is inside ({}), the shortcut {}. The branch only "
      "has to learn what to add to the input, and the shortcut carries gradients past the branch.",
      spec.activation == ActivationFunction::none ? "" : fmt::format("{}(", word_of(spec.activation)),
      spec.activation == ActivationFunction::none ? "" : ")",
      spec.layers.size() == 1 ? "one entry" : fmt::format("{} entries", spec.layers.size()),
      projection ? "is a 1x1 convolution with a batch_norm, which make the shapes agree"
                 : "is the input itself"));
  if (projection) {
    const std::int64_t weights = std::int64_t{scene.out().c} * scene.in().c, norm = 2 * scene.out().c;
    book.say(
        fmt::format("{} x (1x1x{}) + 2 x {} = {} parameters, those of the shortcut's convolution (no bias) "
                    "and batch_norm; those of the branch count for its entries.",
                    scene.out().c, scene.in().c, scene.out().c, with_commas(weights + norm)));
  } else {
    book.say("The sum has no parameters; those of the branch count for its entries.");
  }
  // The place of image 0 with the largest gradient.
  const auto count = static_cast<std::size_t>(scene.out().values());
  const auto branch = scene.x(), shortcut = scene.trace.shortcut(scene.node);
  const auto gradient = [&](std::size_t i) {
    const double dy = scene.dy()[i];
    return spec.activation == ActivationFunction::none
               ? dy
               : dy * slope_at(spec.activation, 0.01, double{branch[i]} + shortcut[i]).derivative;
  };
  std::size_t place = 0;
  for (std::size_t i = 1; i < count; ++i)
    if (std::abs(gradient(i)) > std::abs(gradient(place))) place = i;
  const std::string where = place_text(scene.out(), place);

  book.heading(fmt::format("Forward, at {}", where));
  const double z = double{branch[place]} + shortcut[place];
  const double scale = std::abs(double{branch[place]}) + std::abs(double{shortcut[place]});
  book.value(
      "y",
      fmt::format(
          "{}{} (branch) + {} (shortcut){}",
          spec.activation == ActivationFunction::none ? "" : fmt::format("{}(", word_of(spec.activation)),
          term(branch[place]), term(shortcut[place]), spec.activation == ActivationFunction::none ? "" : ")"),
      slope_at(spec.activation, 0.01, z).value, scene.y()[place], scale);

  book.heading("Backward: a sum sends the same gradient both ways");
  if (spec.activation != ActivationFunction::none)
    book.say(fmt::format("dz = dy x slope of {} = {} x {} = {}", word_of(spec.activation),
                         term(scene.dy()[place]), term(slope_at(spec.activation, 0.01, z).derivative),
                         short_number(gradient(place))));
  book.value("to the branch", "", gradient(place), scene.dx()[place]);
  book.value("to the shortcut", "", gradient(place), scene.trace.shortcut_gradient(scene.node)[place]);
  std::vector<double> all(scene.dy().size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = gradient(i);
  book.same("both ways, everywhere", all, scene.dx());
  if (projection) Projection(scene, place).tell();

  // Where the ways meet again: the value that goes into the entry, and all its readers.
  int value = scene.of().shortcut;
  if (projection) value = nodes[writer(nodes, nodes[writer(nodes, value)].x)].x;
  if (value == 0) {
    book.say("The entry's input is the image itself: no layer before it learns, so the ways need not meet.");
    return;
  }
  book.heading("At the entry's input the ways meet again: what comes back along each is added up");
  const auto arrived = scene.trace.output_gradient(value - 1);
  const Shape& in = scene.in();
  struct Way {
    std::span<const float> gradient;
    std::string name;
  };
  std::vector<Way> ways;
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    const int node = static_cast<int>(n);
    if (nodes[n].x == value) ways.push_back({scene.trace.input_gradient(node), nodes[n].name});
    if (nodes[n].shortcut == value)
      ways.push_back({scene.trace.shortcut_gradient(node), "the shortcut of " + nodes[n].name});
  }
  // The place where the weakest of them brings the most.
  std::size_t meeting = 0;
  double best = -1;
  for (std::size_t i = 0; i < static_cast<std::size_t>(in.values()); ++i) {
    double weakest = INFINITY;
    for (const Way& way : ways) weakest = std::min(weakest, std::abs(double{way.gradient[i]}));
    if (weakest > best) best = weakest, meeting = i;
  }
  std::vector<double> parts;
  std::vector<std::string> written;
  for (const Way& way : ways) {
    parts.push_back(way.gradient[meeting]);
    written.push_back(fmt::format("{} (through {})", term(parts.back()), printable(way.name)));
  }
  book.sum(fmt::format("d(loss)/dx at {}", place_text(in, meeting)), parts, written, arrived[meeting]);
}

}  // namespace cnn
