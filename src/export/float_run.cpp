#include "export/float_run.h"

#include <math.h>
#include <stdint.h>

#include "core/error.h"

namespace cnn {
namespace float_layers {
namespace {

#include "export/c/float_layers.c"

static_assert(static_cast<int>(RowKind::activation) == ACTIVATION);
static_assert(static_cast<int>(RowKind::sum) == SUM);
static_assert(static_cast<int>(RowKind::product) == PRODUCT);
static_assert(static_cast<int>(ActivationFunction::gelu) == GELU);
static_assert(static_cast<int>(ActivationFunction::tanh) == TANH);

layer layer_of(const StepRow& row, const Activation& activation) {
  layer l{};
  l.kind = static_cast<layer_kind>(row.kind);
  l.function = static_cast<layer_function>(activation.function);
  l.slope = activation.negative_slope;
  set_shape(l, row.shape);
  l.weight = row.weight ? row.weight->data() : nullptr;
  l.bias = row.bias ? row.bias->data() : nullptr;
  return l;
}

}  // namespace
}  // namespace float_layers

FloatRun::FloatRun(const ExportPlan& plan)
    : plan_(plan),
      rows_(step_rows(plan)),
      mean_(plan.mean.begin(), plan.mean.end()),
      std_(plan.std.begin(), plan.std.end()) {}

void FloatRun::read(std::span<const std::uint8_t> pixels, std::vector<float>& value) const {
  const ImageSpec& image = plan_.image;
  value.resize(pixels.size());
  float_layers::read_pixels(pixels.data(), image.channels, image.height, image.width, mean_.data(),
                            std_.data(), value.data());
}

void FloatRun::run(std::span<const std::uint8_t> pixels, PlanValues& values) const {
  make_room(values);
  read(pixels, values[0]);
  run_steps(values);
}

void FloatRun::run_values(std::span<const float> pixels, PlanValues& values) const {
  make_room(values);
  const std::size_t map = pixels.size() / mean_.size();
  for (std::size_t i = 0; i < pixels.size(); ++i) values[0][i] = (pixels[i] - mean_[i / map]) / std_[i / map];
  run_steps(values);
}

void FloatRun::make_room(PlanValues& values) const {
  values.resize(plan_.values.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i].resize(static_cast<std::size_t>(plan_.values[i].values()));
}

void FloatRun::run_steps(PlanValues& values) const {
  auto row = rows_.begin();
  for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
    const ExportStep& step = plan_.steps[i];
    const std::vector<float>& x = values[static_cast<std::size_t>(step.x)];
    std::vector<float>& y = values[static_cast<std::size_t>(step.y)];
    if (row == rows_.end() || row->step != static_cast<int>(i)) {  // flatten
      y = x;
      continue;
    }
    const float_layers::layer layer = float_layers::layer_of(*row++, step.activation);
    const float* shortcut =
        step.shortcut < 0 ? nullptr : values[static_cast<std::size_t>(step.shortcut)].data();
    float_layers::run_layer(&layer, x.data(), shortcut, y.data());
  }
}

void FloatRun::probabilities(const PlanValues& values, std::vector<float>& probabilities) const {
  const std::vector<float>& logits = values[static_cast<std::size_t>(plan_.output)];
  probabilities.resize(logits.size());
  float_layers::softmax(logits.data(), static_cast<int>(logits.size()), probabilities.data());
}

void interleave(const std::byte* pixels, const ImageSpec& image, std::vector<std::uint8_t>& interleaved) {
  const std::size_t map = static_cast<std::size_t>(image.height) * static_cast<std::size_t>(image.width);
  const auto channels = static_cast<std::size_t>(image.channels);
  interleaved.resize(map * channels);
  for (std::size_t c = 0; c < channels; ++c)
    for (std::size_t i = 0; i < map; ++i)
      interleaved[i * channels + c] = static_cast<std::uint8_t>(pixels[c * map + i]);
}

}  // namespace cnn
