#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "inspect/explain_parts.h"

namespace cnn {

void explain(const Scene& scene, const FlattenSpec&) {
  const Shape& in = scene.in();
  Notebook& book = scene.book;
  const auto values = in.values();
  book.heading("Size of the output: the same values in a row");
  book.say(
      fmt::format("{} x {} x {} = {}: map after map, row after row; a dense layer wants a vector. Nothing is "
                  "computed, so there is nothing to learn.",
                  in.c, in.h, in.w, with_commas(values)));
  // The place with the largest gradient: there is something to follow.
  std::int64_t place = 0;
  for (std::int64_t i = 0; i < values; ++i)
    if (std::abs(scene.dy()[static_cast<std::size_t>(i)]) >
        std::abs(scene.dy()[static_cast<std::size_t>(place)]))
      place = i;
  const auto c = place / (in.h * in.w), h = place / in.w % in.h, w = place % in.w;
  const auto index = static_cast<std::size_t>(place);
  book.heading("Forward, one value");
  book.say(fmt::format("x({},{},{}) (map, row, column) becomes value ({}*{} + {})*{} + {} = {} of the vector",
                       c, h, w, c, in.h, h, in.w, w, place));
  book.value(fmt::format("y({})", place), fmt::format("x({},{},{})", c, h, w), scene.x()[index],
             scene.y()[index]);
  book.heading("Backward, the way back");
  book.say(
      fmt::format("The gradient of value {} belongs to the input that it came from: map {} / ({}*{}) = {}, "
                  "row {}, column {}. The vector of gradients gets the shape {} again; no number changes.",
                  place, place, in.h, in.w, c, h, w, to_string(in)));
  book.value(fmt::format("dx({},{},{})", c, h, w), fmt::format("dy({})", place), scene.dy()[index],
             scene.dx()[index]);
  book.same("dx of all places", std::vector<double>(scene.dy().begin(), scene.dy().end()), scene.dx());
}

void explain(const Scene& scene, const DenseSpec& spec) {
  Notebook& book = scene.book;
  const auto inputs = static_cast<std::size_t>(scene.in().values()),
             units = static_cast<std::size_t>(spec.units);
  const Tensor &weight = *scene.tensor("weight"), *bias = scene.tensor("bias");
  const auto images = static_cast<std::size_t>(scene.trace.images());
  const auto w = [&](std::size_t o, std::size_t i) { return double{weight.values[o * inputs + i]}; };
  const auto x = [&](std::size_t n, std::size_t i) { return double{scene.x()[n * inputs + i]}; };
  const auto z = [&](std::size_t n, std::size_t o) {
    double sum = bias ? bias->values[o] : 0;
    for (std::size_t i = 0; i < inputs; ++i) sum += w(o, i) * x(n, i);
    return sum;
  };
  const bool slope = spec.activation != ActivationFunction::none;
  const auto dz = [&](std::size_t n, std::size_t o) {
    const double dy = scene.dy()[n * units + o];
    return slope && dy != 0 ? dy * slope_at(spec.activation, 0.01, z(n, o)).derivative : dy;
  };

  book.heading("Parameters: a weight for every pair of input and output, nothing is shared");
  book.say(fmt::format("{} x {}{} = {}", with_commas(spec.units), with_commas(scene.in().values()),
                       bias ? fmt::format(" + {}", with_commas(spec.units)) : "",
                       with_commas(static_cast<std::int64_t>(units * inputs + (bias ? units : 0)))));
  book.say(fmt::format("multiply-adds for an image: {} x {} = {}", counted(spec.units, "output"),
                       counted(scene.in().values(), "input"),
                       with_commas(static_cast<std::int64_t>(units * inputs))));

  // The output with the largest gradient, and the input with the largest value.
  std::size_t o = 0, i = 0;
  double largest = -1;
  for (std::size_t k = 0; k < units; ++k)
    if (const double size = std::abs(dz(0, k)); size > largest) largest = size, o = k;
  for (std::size_t k = 1; k < inputs; ++k)
    if (std::abs(x(0, k)) > std::abs(x(0, i))) i = k;

  book.heading(fmt::format("Forward: output {}", o));
  std::vector<double> terms;
  std::vector<std::string> written;
  double scale = 0;
  // The terms that matter come first.
  std::vector<std::size_t> order(inputs);
  for (std::size_t k = 0; k < inputs; ++k) order[k] = k;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::abs(w(o, a) * x(0, a)) > std::abs(w(o, b) * x(0, b));
  });
  if (bias) {
    terms.push_back(bias->values[o]);
    written.push_back(fmt::format("{} (bias)", term(bias->values[o])));
  }
  for (const std::size_t k : order) {
    terms.push_back(w(o, k) * x(0, k));
    scale += std::abs(terms.back());
    written.push_back(fmt::format("{} x {}", term(w(o, k)), term(x(0, k))));
  }
  book.say(fmt::format("Every input times its weight, added up{}; the largest terms first:",
                       bias ? " with the bias" : ""));
  const double engine_y = scene.y()[o];
  if (!slope) {
    book.sum(fmt::format("y({})", o), terms, written, engine_y);
  } else {
    std::string text;
    for (std::size_t k = 0; k < std::min<std::size_t>(written.size(), 5); ++k)
      text += (k > 0 ? " + " : "") + written[k];
    if (written.size() > 5)
      text += fmt::format(" + ... ({} terms)", with_commas(static_cast<std::int64_t>(written.size())));
    const double sum = z(0, o);
    book.say(fmt::format("z({}) = {} = {}", o, text, short_number(sum)));
    book.value(fmt::format("y({})", o), fmt::format("{}(z)", word_of(spec.activation)),
               slope_at(spec.activation, 0.01, sum).value, engine_y, scale);
  }

  book.heading(fmt::format("Backward: the weight from input {} to output {}", i, o));
  book.say(fmt::format("dy({}) = {} is the gradient of the loss with respect to this output{}.", o,
                       short_number(scene.dy()[o]),
                       scene.node + 1 == static_cast<int>(scene.trace.network().nodes().size())
                           ? ", out of softmax and cross-entropy: (probability - target) / images"
                           : ", as the next layer sent it back"));
  if (slope) {
    const Slope f = slope_at(spec.activation, 0.01, z(0, o));
    book.say(fmt::format("Times the slope of {} at z: dz({}) = {} x {} = {}", word_of(spec.activation), o,
                         term(scene.dy()[o]), term(f.derivative), short_number(dz(0, o))));
  }
  const char* d = slope ? "dz" : "dy";
  book.say(fmt::format("The weight met one input{}, so its gradient is {} times that input{}:",
                       images > 1 ? " in each image" : "", d,
                       images > 1 ? ", added up over the images" : ""));
  std::vector<double> products, biases;
  std::vector<std::string> product_texts, bias_texts;
  for (std::size_t n = 0; n < images; ++n) {
    products.push_back(dz(n, o) * x(n, i));
    product_texts.push_back(fmt::format("{} x {}", term(dz(n, o)), term(x(n, i))));
    biases.push_back(dz(n, o));
    bias_texts.push_back(term(dz(n, o)));
  }
  book.sum(fmt::format("dw({},{})", o, i), products, product_texts,
           scene.trace.parameter_gradient(weight)[o * inputs + i]);
  if (bias) book.sum(fmt::format("db({})", o), biases, bias_texts, scene.trace.parameter_gradient(*bias)[o]);
  book.say(fmt::format("Input {} gets back {} of every output times the weight that leads there{}:", i, d,
                       units > 12 ? ", the largest first" : ""));
  std::vector<std::size_t> outputs(units);
  for (std::size_t k = 0; k < units; ++k) outputs[k] = k;
  std::vector<double> sent;
  for (std::size_t k = 0; k < units; ++k) sent.push_back(dz(0, k));
  std::stable_sort(outputs.begin(), outputs.end(), [&](std::size_t a, std::size_t b) {
    return std::abs(sent[a] * w(a, i)) > std::abs(sent[b] * w(b, i));
  });
  std::vector<double> back;
  std::vector<std::string> back_texts;
  for (const std::size_t k : outputs) {
    back.push_back(sent[k] * w(k, i));
    back_texts.push_back(fmt::format("{} x {}", term(sent[k]), term(w(k, i))));
  }
  book.sum(fmt::format("dx({})", i), back, back_texts, scene.dx()[i]);
}

}  // namespace cnn
