#include "export/byte_run.h"

#include <stdint.h>

#include <cmath>
#include <limits>

#include "core/error.h"
#include "export/float_run.h"

namespace cnn {
namespace int8_layers {
namespace {

#include "export/c/int8_layers.c"

static_assert(static_cast<int>(ByteRowKind::table) == TABLE);
static_assert(static_cast<int>(ByteRowKind::sum) == SUM);

layer layer_of(const ByteRow& row) {
  layer l{};
  l.kind = static_cast<layer_kind>(row.kind);
  set_shape(l, row.shape);
  l.x_zero = row.x_zero, l.shortcut_zero = row.shortcut_zero, l.y_zero = row.y_zero, l.low = row.low;
  l.weight = row.weight.data();
  l.bias = row.bias.data();
  l.multiplier = row.multiplier.data();
  l.shift = row.shift.data();
  return l;
}

}  // namespace
}  // namespace int8_layers

namespace {

std::size_t index(int value) { return static_cast<std::size_t>(value); }

/// Sums of squares.
struct Squares {
  double signal = 0, own = 0, total = 0;
};

double decibels(double signal, double noise) {
  return noise > 0 ? 10 * std::log10(signal / noise) : std::numeric_limits<double>::infinity();
}

/// The squares of what bytes get wrong.
double squares_of_errors(std::span<const float> right, std::span<const std::int8_t> bytes,
                         const ByteCode& code) {
  double sum = 0;
  for (std::size_t i = 0; i < right.size(); ++i) {
    const double wrong = code.decoded(bytes[i]) - double{right[i]};
    sum += wrong * wrong;
  }
  return sum;
}

}  // namespace

ByteRun::ByteRun(const ExportPlan& plan, const QuantizedPlan& quantized)
    : plan_(plan), quantized_(quantized) {}

void ByteRun::resize(ByteValues& values) const {
  values.resize(plan_.values.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i].resize(static_cast<std::size_t>(plan_.values[i].values()));
}

void ByteRun::run_row(const ByteRow& row, ByteValues& values) const {
  const ExportStep& step = plan_.steps[index(row.step)];
  const int8_layers::layer layer = int8_layers::layer_of(row);
  int8_layers::run_layer(&layer, values[index(step.x)].data(),
                         step.shortcut < 0 ? nullptr : values[index(step.shortcut)].data(),
                         values[index(step.y)].data());
}

void ByteRun::run(std::span<const std::uint8_t> pixels, ByteValues& values) const {
  resize(values);
  const ImageSpec& image = plan_.image;
  int8_layers::read_pixels(pixels.data(), image.channels, image.height, image.width,
                           quantized_.input_table.data(), values[0].data());
  auto row = quantized_.rows.begin();
  for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
    const ExportStep& step = plan_.steps[i];
    if (row == quantized_.rows.end() || row->step != static_cast<int>(i))  // flatten
      values[index(step.y)] = values[index(step.x)];
    else
      run_row(*row++, values);
  }
}

void ByteRun::probabilities(const ByteValues& values, std::vector<float>& probabilities) const {
  const std::vector<std::int8_t>& logits = values[index(plan_.output)];
  probabilities.resize(logits.size());
  int8_layers::softmax(logits.data(), static_cast<int>(logits.size()), quantized_.exponentials.data(),
                       probabilities.data());
}

std::vector<LayerNoise> measure_noise(const ExportPlan& plan, const QuantizedPlan& quantized,
                                      std::span<const std::vector<std::uint8_t>> images, ThreadPool& pool) {
  const FloatRun exact(plan);
  const ByteRun bytes(plan, quantized);
  std::vector<std::vector<Squares>> of_image(images.size(), std::vector<Squares>(quantized.rows.size()));
  pool.parallel_for(static_cast<std::int64_t>(images.size()), [&](std::int64_t image, int) {
    PlanValues right;
    ByteValues all, single;
    exact.run(images[static_cast<std::size_t>(image)], right);
    bytes.run(images[static_cast<std::size_t>(image)], all);
    single = all;
    const auto encode = [&](int value) {
      for (std::size_t i = 0; i < right[index(value)].size(); ++i)
        single[index(value)][i] = quantized.codes[index(value)].encoded(right[index(value)][i]);
    };
    for (std::size_t r = 0; r < quantized.rows.size(); ++r) {
      const ExportStep& step = plan.steps[index(quantized.rows[r].step)];
      encode(step.x);
      if (step.shortcut >= 0) encode(step.shortcut);
      bytes.run_row(quantized.rows[r], single);
      Squares& squares = of_image[static_cast<std::size_t>(image)][r];
      for (const float number : right[index(step.y)]) squares.signal += double{number} * double{number};
      const ByteCode& code = quantized.codes[index(step.y)];
      squares.own = squares_of_errors(right[index(step.y)], single[index(step.y)], code);
      squares.total = squares_of_errors(right[index(step.y)], all[index(step.y)], code);
    }
  });
  std::vector<LayerNoise> noise;
  for (std::size_t r = 0; r < quantized.rows.size(); ++r) {
    Squares sum;
    for (const std::vector<Squares>& image : of_image) {
      sum.signal += image[r].signal;
      sum.own += image[r].own;
      sum.total += image[r].total;
    }
    noise.push_back({plan.steps[index(quantized.rows[r].step)].name, decibels(sum.signal, sum.own),
                     decibels(sum.signal, sum.total)});
  }
  return noise;
}

}  // namespace cnn
