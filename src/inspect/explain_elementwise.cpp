#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "inspect/explain_parts.h"

namespace cnn {
namespace {

constexpr std::size_t kValuesShown = 6;

/// Places of image 0 whose gradient is not zero, half of them of the one kind and half of the other, as far
/// as there are such. one_kind(place) tells.
template <class Kind>
std::vector<std::size_t> places_to_show(const Scene& scene, const Kind& one_kind) {
  std::vector<std::size_t> one, other, places;
  const auto count = static_cast<std::size_t>(scene.in().values());
  for (std::size_t i = 0; i < count; ++i)
    if (scene.dy()[i] != 0 && scene.x()[i] != 0) (one_kind(i) ? one : other).push_back(i);
  for (std::size_t i = 0; places.size() < kValuesShown && (i < one.size() || i < other.size()); ++i) {
    if (i < one.size()) places.push_back(one[i]);
    if (i < other.size() && places.size() < kValuesShown) places.push_back(other[i]);
  }
  for (std::size_t i = 0; places.size() < kValuesShown && places.size() == i && i < count; ++i)
    places.push_back(i);
  std::sort(places.begin(), places.end());
  return places;
}

/// "map 3, row 4, column 7", or "value 12".
std::string place_text(const Shape& shape, std::size_t place) {
  if (shape.flat) return fmt::format("value {}", place);
  const auto map = static_cast<std::size_t>(shape.h * shape.w), width = static_cast<std::size_t>(shape.w);
  return fmt::format("({},{},{})", place / map, place % map / width, place % width);
}

}  // namespace

void explain_activation(const Scene& scene, const ActivationSpec& spec) {
  Notebook& book = scene.book;
  const char* name = name_of(spec.function);
  book.heading("Every value by itself: the shape stays, and there is nothing to learn");
  book.say(fmt::format(
      "Without such a function between them, two layers with weights would be no more than one: a sum "
      "of sums is a sum. {} bends it.",
      name));
  book.heading("Forward: y = f(x).  Backward: dx = dy x f'(x), the slope of f at the value that went in");
  const auto count = scene.x().size();
  std::vector<double> y(count), dx(count);
  for (std::size_t i = 0; i < count; ++i) {
    const Slope f = slope_at(spec.function, spec.negative_slope, scene.x()[i]);
    y[i] = f.value;
    dx[i] = scene.dy()[i] * f.derivative;
  }
  book.lines(fmt::format("  {:<14}{:>12}{:>12}{:>12}{:>12}{:>14}{:>16}", "place", "x", "y = f(x)", "f'(x)",
                         "dy", "dy x f'(x)", "the engine: dx"));
  for (const std::size_t i : places_to_show(scene, [&](std::size_t k) { return scene.x()[k] > 0; })) {
    const Slope f = slope_at(spec.function, spec.negative_slope, scene.x()[i]);
    book.lines(fmt::format("  {:<14}{:>12}{:>12}{:>12}{:>12}{:>14}{:>16}", place_text(scene.in(), i),
                           short_number(scene.x()[i]), short_number(f.value), short_number(f.derivative),
                           short_number(scene.dy()[i]), short_number(dx[i]), short_number(scene.dx()[i])));
  }
  book.same("y everywhere", y, scene.y());
  book.same("dx everywhere", dx, scene.dx());
}

void explain_scale(const Scene& scene, const ScaleSpec& spec) {
  Notebook& book = scene.book;
  const std::string factor = short_number(spec.factor);
  book.heading("Every value by itself: the shape stays, and there is nothing to learn");
  book.say(fmt::format("The factor {} is fixed by the config.", factor));
  book.heading(
      "Forward: y = factor x.  Backward: dx = factor dy, for the output changes that much with the input");
  const auto count = scene.x().size();
  std::vector<double> y(count), dx(count);
  for (std::size_t i = 0; i < count; ++i) {
    y[i] = spec.factor * scene.x()[i];
    dx[i] = spec.factor * scene.dy()[i];
  }
  const std::size_t place = places_to_show(scene, [](std::size_t) { return true; }).front();
  const std::string where = place_text(scene.in(), place);
  book.value("y at " + where, fmt::format("{} x {}", factor, term(scene.x()[place])), y[place],
             scene.y()[place]);
  book.value("dx at " + where, fmt::format("{} x {}", factor, term(scene.dy()[place])), dx[place],
             scene.dx()[place]);
  book.same("y everywhere", y, scene.y());
  book.same("dx everywhere", dx, scene.dx());
}

void explain_dropout(const Scene& scene, const DropoutSpec& spec) {
  Notebook& book = scene.book;
  const double keep = 1 / (1 - spec.p);
  book.heading("Every value by itself: the shape stays, and there is nothing to learn");
  book.say(fmt::format(
      "In training each value becomes 0 with probability {}, so that no later layer can rely on any one "
      "of them. The others are multiplied by 1/(1 - {}) = {}: the sums of the next layer stay as "
      "large on average as in evaluation, where dropout does nothing.",
      short_number(spec.p), short_number(spec.p), short_number(keep)));
  book.heading("Forward: y = x times 0 or that factor.  Backward: dx = dy times the same");
  const auto count = scene.x().size();
  std::vector<double> dx(count);
  std::size_t dropped = 0, decided = 0;
  std::vector<double> factors(count);
  for (std::size_t i = 0; i < count; ++i) {
    // Where x is 0, y does not tell; there the gradient does.
    const bool out = scene.x()[i] != 0 ? scene.y()[i] == 0 : scene.dx()[i] == 0;
    factors[i] = out ? 0 : keep;
    dx[i] = scene.dy()[i] * factors[i];
    decided += scene.x()[i] != 0;
    dropped += scene.x()[i] != 0 && out;
  }
  book.lines(fmt::format("  {:<14}{:>12}{:>12}{:>12}{:>12}{:>14}{:>16}", "place", "x", "factor", "y", "dy",
                         "dy x factor", "the engine: dx"));
  for (const std::size_t i : places_to_show(scene, [&](std::size_t k) { return factors[k] == 0; }))
    book.lines(fmt::format("  {:<14}{:>12}{:>12}{:>12}{:>12}{:>14}{:>16}", place_text(scene.in(), i),
                           short_number(scene.x()[i]), short_number(factors[i]), short_number(scene.y()[i]),
                           short_number(scene.dy()[i]), short_number(dx[i]), short_number(scene.dx()[i])));
  book.say(fmt::format("In this step {} of the {} values that are not 0 anyway were dropped.",
                       with_commas(static_cast<std::int64_t>(dropped)),
                       with_commas(static_cast<std::int64_t>(decided))));
  book.same("dx everywhere", dx, scene.dx());
}

void explain_residual(const Scene& scene, const ResidualSpec& spec) {
  Notebook& book = scene.book;
  const Network& network = scene.trace.network();
  const auto& nodes = network.nodes();
  const bool projection = spec.shortcut == ResidualSpec::Shortcut::projection;
  book.heading("Two ways from the input to a sum");
  book.say(fmt::format(
      "y = {}branch(x) + shortcut(x){}: the branch is what is inside ({}), the shortcut {}. The "
      "branch only has to learn what is to be added to the input, and the shortcut carries gradients "
      "past the branch.",
      spec.activation == ActivationFunction::none ? "" : fmt::format("{}(", name_of(spec.activation)),
      spec.activation == ActivationFunction::none ? "" : ")",
      spec.layers.size() == 1 ? "one entry" : fmt::format("{} entries", spec.layers.size()),
      projection ? "is a 1x1 convolution with a batch_norm, which make the shapes agree"
                 : "is the input itself"));
  const LayerSummary& row = network.layers()[static_cast<std::size_t>(scene.of().entry)];
  book.say(row.parameters == 0
               ? std::string("The sum has no parameters; those of the branch count for its entries.")
               : fmt::format("{} parameters, those of the shortcut; those of the branch count for its "
                             "entries.",
                             with_commas(row.parameters)));
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
          spec.activation == ActivationFunction::none ? "" : fmt::format("{}(", name_of(spec.activation)),
          term(branch[place]), term(shortcut[place]), spec.activation == ActivationFunction::none ? "" : ")"),
      slope_at(spec.activation, 0.01, z).value, scene.y()[place], scale);

  book.heading("Backward: a sum sends the same gradient both ways");
  if (spec.activation != ActivationFunction::none)
    book.say(fmt::format("dz = dy x slope of {} = {} x {} = {}", name_of(spec.activation),
                         term(scene.dy()[place]), term(slope_at(spec.activation, 0.01, z).derivative),
                         short_number(gradient(place))));
  book.value("to the branch", "", gradient(place), scene.dx()[place]);
  book.value("to the shortcut", "", gradient(place), scene.trace.shortcut_gradient(scene.node)[place]);
  std::vector<double> all(scene.dy().size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = gradient(i);
  book.same("both ways, everywhere", all, scene.dx());

  // Where the ways meet again: the value that goes into the entry, and all who read it.
  int value = scene.of().shortcut;
  if (projection) value = nodes[static_cast<std::size_t>(nodes[static_cast<std::size_t>(value - 1)].x - 1)].x;
  if (value == 0) {
    book.say("The entry's input is the image itself: nobody before it learns, and the ways need not meet.");
    return;
  }
  book.heading("At the entry's input the ways meet again: what comes back by each is added up");
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
