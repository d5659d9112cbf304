#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "inspect/explain_parts.h"

namespace cnn {
namespace {

double sum_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return sum;
}

std::string spelled(const std::vector<double>& values) {
  std::vector<std::string> terms;
  for (const double v : values) terms.push_back(term(v));
  return join(terms, " + ");
}

}  // namespace

void explain(const Scene& scene, const BatchNormSpec& spec) {
  Notebook& book = scene.book;
  const Shape& in = scene.in();
  const Tensor *weight = scene.tensor("weight"), *bias = scene.tensor("bias");
  const std::int64_t count = scene.trace.images() * std::int64_t{in.h} * in.w;
  book.heading(weight && bias ? "Parameters: a scale and a shift for each channel"
               : bias         ? "Parameters: a shift for each channel; the scale stays 1"
                              : "No parameters: the scale stays 1, the shift 0");
  const int each = (weight != nullptr) + (bias != nullptr);
  book.say(fmt::format(
      "{} x {} = {}; the shape stays. Each channel's running mean and variance are kept beside them, for "
      "evaluation; they are measured, not learned.",
      each, in.c, each * in.c));
  const Tensor *running_mean = scene.tensor("running_mean"), *running_var = scene.tensor("running_var");
  const bool frozen = std::get<BatchNormSpec>(scene.of().spec).control.frozen_statistics;
  book.heading("What it does");
  if (frozen)
    book.say(
        "Its statistics are frozen: in training as in evaluation, every channel is shifted and scaled by the "
        "running mean and variance, which stay as they are. So it is a line for each channel, and the images "
        "of "
        "a batch do not affect each other.");
  else
    book.say(fmt::format(
        "In training every channel is shifted and scaled to mean 0 and variance 1 over the whole "
        "batch: here {} x {} = {} values a channel. So the next layer meets the same range, "
        "whatever the weights before it do. Only here do the images of a batch affect each other.",
        counted(scene.trace.images(), "image"), counted(in.h * in.w, "place"), with_commas(count)));

  // Four values of a channel: a square of one image, or the same place of four images.
  const bool square = in.h >= 2 && in.w >= 2;
  const int images = square ? 1 : std::min(4, scene.trace.images());
  const int side = square ? 2 : 1;
  int channel = 0, top = 0, left = 0;
  if (square) {
    double best = -1;
    const int step = std::max(1, in.c / 16);
    for (int c = 0; c < in.c; c += step)
      for (int h = 0; h + 1 < in.h; ++h)
        for (int w = 0; w + 1 < in.w; ++w) {
          double gradient = 0, least = 1e30, most = -1e30;
          for (int i = 0; i < 4; ++i) {
            const std::size_t place = at(in, 0, c, h + i / 2, w + i % 2);
            gradient += std::abs(double{scene.dy()[place]});
            least = std::min(least, double{scene.x()[place]}),
            most = std::max(most, double{scene.x()[place]});
          }
          if (gradient * (most - least) > best)
            best = gradient * (most - least), channel = c, top = h, left = w;
        }
  }
  std::vector<float> patch, gradients;
  for (int n = 0; n < images; ++n)
    for (int c = 0; c < in.c; ++c)
      for (int h = 0; h < side; ++h)
        for (int w = 0; w < side; ++w) {
          patch.push_back(scene.x()[at(in, n, c, top + h, left + w)]);
          gradients.push_back(scene.dy()[at(in, n, c, top + h, left + w)]);
        }
  const Shape small{.c = in.c, .h = side, .w = side};
  LayerAlone engine(scene, scene.entry, small, images, patch, gradients);
  std::vector<double> x, dy;
  std::vector<std::size_t> places;
  for (int n = 0; n < images; ++n)
    for (int i = 0; i < side * side; ++i) {
      places.push_back(at(small, n, channel, i / side, i % side));
      x.push_back(patch[places.back()]);
      dy.push_back(gradients[places.back()]);
    }

  const auto m = static_cast<double>(x.size());
  const auto c = static_cast<std::size_t>(channel);
  const double mean = frozen ? double{running_mean->values[c]} : sum_of(x) / m,
               gamma = weight ? weight->values[static_cast<std::size_t>(channel)] : 1,
               beta = bias ? bias->values[static_cast<std::size_t>(channel)] : 0;
  std::vector<double> squares, normal, z, dz, dz_normal;
  for (const double v : x) squares.push_back((v - mean) * (v - mean));
  const double variance = frozen ? double{running_var->values[c]} : sum_of(squares) / m,
               root = std::sqrt(variance + spec.eps);
  for (std::size_t i = 0; i < x.size(); ++i) {
    normal.push_back((x[i] - mean) / root);
    z.push_back(gamma * normal[i] + beta);
    dz.push_back(dy[i] * slope_at(spec.activation, 0.01, z[i]).derivative);
    dz_normal.push_back(dz[i] * normal[i]);
  }
  book.heading(
      square ? fmt::format("Forward, on a batch of {} values: channel {}, rows {} and {}, columns {} and {}",
                           x.size(), channel, top, top + 1, left, left + 1)
             : fmt::format("Forward, on a batch of {} values: channel {} of {} images", x.size(), channel,
                           images));
  if (frozen) {
    book.say(fmt::format("running mean {}, running variance {}", short_number(mean), short_number(variance)));
  } else {
    book.say(fmt::format("mean = ({}) / {} = {}", spelled(x), x.size(), short_number(mean)));
    book.say(fmt::format("variance = mean of (x - mean)^2 = ({}) / {} = {}", spelled(squares), x.size(),
                         short_number(variance)));
  }
  book.say(fmt::format(
      "n = (x - mean) / sqrt(variance + {}), y = {}{} x n + {}{}  (scale {}, shift {})",
      short_number(spec.eps),
      spec.activation == ActivationFunction::none ? "" : fmt::format("{}(", word_of(spec.activation)),
      term(gamma), term(beta), spec.activation == ActivationFunction::none ? "" : ")", short_number(gamma),
      short_number(beta)));
  const double scale = std::abs(gamma) + std::abs(beta);
  std::vector<double> y;
  std::vector<float> engine_y;
  for (std::size_t i = 0; i < z.size(); ++i) {
    y.push_back(slope_at(spec.activation, 0.01, z[i]).value);
    engine_y.push_back(engine.y()[places[i]]);
  }
  const auto across = [&](const char* head, const std::vector<double>& values) {
    return Grid{head, static_cast<int>(values.size()), 1, values};
  };
  book.grids({across("x", x), across("n", normal), across("y", y), across("dy", dy),
              across(spec.activation == ActivationFunction::none ? "dz = dy" : "dz = dy x slope", dz)});
  book.value("first y", "", y[0], engine_y[0], scale);
  book.same("y", y, engine_y);

  book.heading("Backward");
  if (bias) {
    book.say("The shift was added to every value of the channel, so its gradient is their sum:");
    std::vector<std::string> written;
    book.sum("d(shift)", dz, written, engine.gradient(scene.entry.name + ".bias")[c]);
  }
  if (weight) {
    book.say("The scale multiplied n everywhere:");
    std::vector<std::string> written;
    for (std::size_t i = 0; i < dz.size(); ++i)
      written.push_back(fmt::format("{} x {}", term(dz[i]), term(normal[i])));
    book.sum("d(scale) = sum of dz x n", dz_normal, written,
             engine.gradient(scene.entry.name + ".weight")[c]);
  }
  double size = 0;
  for (const double v : dz) size = std::max(size, std::abs(gamma / root * v));
  if (frozen) {
    book.say("An input moves its own output and no other:");
    book.value("dx(first) = scale / sqrt(variance + eps) x dz",
               fmt::format("{} x {}", short_number(gamma / root), term(dz[0])), gamma / root * dz[0],
               engine.dx()[places[0]], size);
    return;
  }
  const double mean_dz = sum_of(dz) / m, mean_dz_normal = sum_of(dz_normal) / m;
  book.say(
      "An input moves its own output, but also the mean and the variance, and with them every other output "
      "of the channel. The two corrections account for that:");
  const double back = gamma / root * (dz[0] - mean_dz - normal[0] * mean_dz_normal);
  book.value("dx(first) = scale / sqrt(variance + eps) x (dz - mean(dz) - n x mean(dz x n))",
             fmt::format("{} x ({} - {} - {} x {})", short_number(gamma / root), term(dz[0]), term(mean_dz),
                         term(normal[0]), term(mean_dz_normal)),
             back, engine.dx()[places[0]], size);

  if (running_mean && running_var) {
    book.heading("In evaluation");
    book.say(fmt::format(
        "The running mean and variance take the batch's place, each a blend: {} x old + {} x the batch's. "
        "Then an image's result does not depend on its neighbors. The normalization above divides the "
        "squares by the number of values, m = {}; for the running variance they are divided by m - 1 = {} "
        "(the unbiased estimate), as PyTorch does. On these values:",
        short_number(1 - spec.momentum), short_number(spec.momentum), x.size(), x.size() - 1));
    const double old = running_var->values[c], unbiased = sum_of(squares) / (m - 1);
    book.value("running variance",
               fmt::format("{} x {} + {} x {} / {}", short_number(1 - spec.momentum), short_number(old),
                           short_number(spec.momentum), short_number(sum_of(squares)), x.size() - 1),
               (1 - spec.momentum) * old + spec.momentum * unbiased,
               engine.tensor(scene.entry.name + ".running_var")[c]);
  }
}

}  // namespace cnn
