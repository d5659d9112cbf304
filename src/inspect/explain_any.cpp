#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <complex>

#include "core/text.h"
#include "inspect/explain_parts.h"

namespace cnn {
namespace {

using Complex = std::complex<double>;

constexpr std::size_t kInputsShown = 3;

/// The layer as plain loops (reference/reference_network.h), on the images of the scene.
class PlainLayer {
 public:
  explicit PlainLayer(const Scene& scene) : scene_(scene), spec_{scene.entry} {
    for (const Tensor& tensor : scene.trace.network().tensors())
      if (tensor.trainable && tensor.name.starts_with(scene.entry.name + "."))
        parameters_[tensor.name].assign(tensor.values.begin(), tensor.values.end());
  }

  /// The outputs, where input i has an imaginary part.
  std::vector<Complex> outputs(std::size_t i) const {
    reference::Maps<Complex> x(scene_.in(), scene_.trace.images());
    std::copy(scene_.x().begin(), scene_.x().end(), x.values.begin());
    x.values[i] += Complex(0, reference::kStep);
    return reference::Network<Complex>(parameters_).forward(spec_, std::move(x)).values;
  }

  std::vector<double> outputs() const {
    std::vector<double> values;
    for (const Complex& y : outputs(0)) values.push_back(y.real());
    return values;
  }

 private:
  const Scene& scene_;
  NetworkSpec spec_;
  reference::Parameters<Complex> parameters_;
};

/// d(loss)/dx through all nodes of the entry that read its input.
std::vector<double> input_gradient(const Scene& scene) {
  std::vector<double> dx(scene.x().size());
  const auto& nodes = scene.trace.network().nodes();
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    if (nodes[n].entry != scene.of().entry || nodes[n].x != scene.of().x) continue;
    const std::span<const float> through = scene.trace.input_gradient(static_cast<int>(n));
    for (std::size_t i = 0; i < dx.size(); ++i) dx[i] += through[i];
  }
  return dx;
}

/// Inputs of image 0 whose gradient is largest.
std::vector<std::size_t> inputs_to_show(const Scene& scene, const std::vector<double>& dx) {
  std::vector<std::size_t> places(static_cast<std::size_t>(scene.in().values()));
  for (std::size_t i = 0; i < places.size(); ++i) places[i] = i;
  const std::size_t count = std::min(kInputsShown, places.size());
  std::partial_sort(places.begin(), places.begin() + static_cast<std::ptrdiff_t>(count), places.end(),
                    [&](std::size_t a, std::size_t b) { return std::abs(dx[a]) > std::abs(dx[b]); });
  places.resize(count);
  return places;
}

void list_parameters(const Scene& scene) {
  scene.book.heading("Parameters");
  bool any = false;
  for (const Tensor& tensor : scene.trace.network().tensors()) {
    if (!tensor.trainable || !tensor.name.starts_with(scene.entry.name + ".")) continue;
    scene.book.say(fmt::format("{}: {} numbers", tensor.name, with_commas(tensor.values.size())));
    any = true;
  }
  if (!any) scene.book.say("none: there is nothing to learn");
}

}  // namespace

void explain_any_layer(const Scene& scene) {
  Notebook& book = scene.book;
  const PlainLayer plain(scene);
  list_parameters(scene);
  book.heading("Forward: the engine beside a plain implementation in double precision");
  book.same("y everywhere", plain.outputs(), scene.y());
  book.heading("Backward: dx(i) = sum over all outputs o of dy(o) x the slope of y(o) along x(i)");
  const std::vector<double> dx = input_gradient(scene);
  for (const std::size_t i : inputs_to_show(scene, dx)) {
    const std::vector<Complex> outputs = plain.outputs(i);
    std::vector<double> terms;
    std::vector<std::string> written;
    for (std::size_t o = 0; o < outputs.size(); ++o) {
      const double slope = outputs[o].imag() / reference::kStep, dy = scene.dy()[o];
      if (slope == 0 || dy == 0) continue;
      terms.push_back(dy * slope);
      written.push_back(fmt::format("{} x {}", term(dy), term(slope)));
    }
    book.sum("dx at " + place_text(scene.in(), i), terms, written, dx[i]);
  }
}

}  // namespace cnn
