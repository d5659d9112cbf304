#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "inspect/explain_parts.h"

namespace cnn {
namespace {

constexpr std::size_t kValuesShown = 6;

/// Places of image 0 whose gradient is not zero: half of them of one kind and half of the other, as far as
/// they exist. one_kind(place) tells which.
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

}  // namespace

void explain(const Scene& scene, const ActivationSpec& spec) {
  Notebook& book = scene.book;
  const std::string_view name = word_of(spec.function);
  book.heading("Every value by itself: the shape stays, and there is nothing to learn");
  const bool last = scene.node + 1 == static_cast<int>(scene.trace.network().nodes().size());
  book.say(last ? fmt::format(
                      "No layer follows, so there is nothing to keep apart: {} only bends the outputs of the "
                      "network, before softmax and the loss.",
                      name)
                : fmt::format("Without such a function between them, two layers with weights would be worth "
                              "no more than one: a sum of sums is a sum. {} bends it.",
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

void explain(const Scene& scene, const ScaleSpec& spec) {
  Notebook& book = scene.book;
  const std::string factor = short_number(spec.factor);
  book.heading("Every value by itself: the shape stays, and there is nothing to learn");
  book.say(fmt::format("The factor {} is fixed by the config.", factor));
  book.heading("Forward: y = factor x.  Backward: dx = factor dy, the slope of y along x");
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

void explain(const Scene& scene, const DropoutSpec& spec) {
  Notebook& book = scene.book;
  const double keep = 1 / (1 - spec.p);
  book.heading("Every value by itself: the shape stays, and there is nothing to learn");
  book.say(fmt::format(
      "In training each value becomes 0 with probability {}, so that no later layer can rely on any one of "
      "them. The others are multiplied by 1/(1 - {}) = {}: the sums of the next layer stay as large on "
      "average as in evaluation, where dropout does nothing.",
      short_number(spec.p), short_number(spec.p), short_number(keep)));
  book.heading("Forward: y = x times 0 or that factor.  Backward: dx = dy times the same");
  const auto count = scene.x().size();
  std::vector<double> dx(count);
  std::size_t dropped = 0, decided = 0;
  std::vector<double> factors(count);
  for (std::size_t i = 0; i < count; ++i) {
    // Where x is 0, y does not show the factor; the gradient does.
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

}  // namespace cnn
