#include "export/quantized_plan.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/portable_math.h"
#include "export/activation_value.h"

namespace cnn {
namespace {

constexpr int kLow = -128, kHigh = 127, kSteps = 255;
/// A sum of products stays below this, so that it fits an int32 with its bias.
constexpr double kLargestSum = 2147483647.0;

/// A positive factor as multiplier / 2^shift, the multiplier in [2^30, 2^31).
struct IntegerFactor {
  std::int32_t multiplier = 0;
  int shift = 1;
};

/// limit: the largest shift. 0 for a factor so small that nothing is left of any sum.
IntegerFactor integer_factor(double factor, int limit) {
  int exponent = 0;
  const double fraction = std::frexp(factor, &exponent);  // in [0.5, 1)
  std::int64_t multiplier = std::llround(std::ldexp(fraction, 31));
  int shift = 31 - exponent;
  for (; multiplier > std::numeric_limits<std::int32_t>::max(); --shift) multiplier /= 2;
  for (; shift > limit && multiplier > 0; --shift) multiplier /= 2;
  if (multiplier == 0) return {};  // a channel whose weights and bias are 0, say
  if (shift < 1) fail("a value of the network grows by more than 2^30 in one layer: int8 cannot hold that");
  return {static_cast<std::int32_t>(multiplier), shift};
}

/// Steps of a plan to rows.
class Quantizer {
 public:
  Quantizer(const ExportPlan& plan, const std::vector<NumberRange>& ranges) : plan_(plan) {
    for (const NumberRange& range : ranges) result_.codes.push_back(code_for(range));
  }

  QuantizedPlan make() {
    for (const StepRow& row : step_rows(plan_)) add(row);
    follow_flatten(static_cast<int>(plan_.steps.size()));
    make_input_table();
    const double scale = code(plan_.output).scale;
    for (int d = 0; d <= kSteps; ++d)
      result_.exponentials.push_back(static_cast<float>(portable_exp(-d * scale)));
    return std::move(result_);
  }

 private:
  ByteCode& code(int value) { return result_.codes[static_cast<std::size_t>(value)]; }

  void add(const StepRow& from) {
    const ExportStep& step = plan_.steps[static_cast<std::size_t>(from.step)];
    follow_flatten(from.step);
    if (from.kind == RowKind::max_pool) code(step.y) = code(step.x);  // the same bytes, the larger ones
    ByteRow row{
        .step = from.step, .shape = from.shape, .x_zero = code(step.x).zero, .y_zero = code(step.y).zero};
    // The 6 of a relu6 needs nothing: no byte stands for more than the largest value seen behind it.
    if (step.activation.rectifier() != Rectifier::none) row.low = std::max(kLow, row.y_zero);
    switch (from.kind) {
      case RowKind::affine:  // a convolution of each map with one number
        row.shape.groups = row.shape.in.c;
        [[fallthrough]];
      case RowKind::conv:
        row.kind = ByteRowKind::conv;
        set_weights(step, from, row);
        break;
      case RowKind::dense:
        row.kind = ByteRowKind::dense;
        set_weights(step, from, row);
        fold_zero(row);
        break;
      case RowKind::max_pool:
        row.kind = ByteRowKind::max_pool;
        break;
      case RowKind::avg_pool:
        row.kind = ByteRowKind::avg_pool;
        set_average(step, row);
        break;
      case RowKind::sum:
        row.kind = ByteRowKind::sum;
        set_sum(step, row);
        break;
      case RowKind::product:
        row.kind = ByteRowKind::product;
        set_product(step, row);
        break;
      case RowKind::activation:
        row.kind = ByteRowKind::table;
        row.low = kLow;
        set_table(step, row);
        break;
    }
    result_.rows.push_back(std::move(row));
    last_step_ = from.step;
  }

  /// Flatten has no row: its output has the code of its input.
  void follow_flatten(int end) {
    for (int i = last_step_ + 1; i < end; ++i) {
      const ExportStep& step = plan_.steps[static_cast<std::size_t>(i)];
      code(step.y) = code(step.x);
    }
  }

  void set_weights(const ExportStep& step, const StepRow& from, ByteRow& row) {
    const std::vector<float>&weight = *from.weight, &bias = *from.bias;
    const std::size_t outputs = bias.size(), each = weight.size() / outputs;
    const double x_scale = code(step.x).scale, y_scale = code(step.y).scale;
    for (std::size_t o = 0; o < outputs; ++o) {
      const auto own = std::span(weight).subspan(o * each, each);
      const double scale = weight_scale(own, bias[o], x_scale);
      for (const float w : own)
        row.weight.push_back(static_cast<std::int8_t>(std::clamp(std::lround(w / scale), -127L, 127L)));
      row.bias.push_back(static_cast<std::int32_t>(std::llround(bias[o] / (scale * x_scale))));
      const IntegerFactor factor = integer_factor(scale * x_scale / y_scale, 62);
      row.multiplier.push_back(factor.multiplier);
      row.shift.push_back(static_cast<std::uint8_t>(factor.shift));
    }
  }

  /// The scale of an output channel's weights: its largest weight is 127, unless a sum or its bias would then
  /// not fit an int32.
  static double weight_scale(std::span<const float> weights, float bias, double x_scale) {
    double largest = 0, total = 0;
    for (const float w : weights)
      largest = std::max(largest, std::abs(double{w})), total += std::abs(double{w});
    double scale = largest / 127;
    // Weights and bias in units of the scale, times the largest difference of bytes.
    const double needed = (total * kSteps + std::abs(double{bias}) / x_scale) / (0.9 * kLargestSum);
    scale = std::max({scale, needed, std::numeric_limits<double>::min() * 1e30});
    return scale;
  }

  /// sum of w * (x - zero) = sum of w * x - zero * sum of w.
  static void fold_zero(ByteRow& row) {
    const std::size_t each = row.weight.size() / row.bias.size();
    for (std::size_t o = 0; o < row.bias.size(); ++o) {
      std::int64_t total = 0;
      for (std::size_t i = 0; i < each; ++i) total += row.weight[o * each + i];
      row.bias[o] = static_cast<std::int32_t>(row.bias[o] - total * row.x_zero);
    }
    row.x_zero = 0;
  }

  void set_average(const ExportStep& step, ByteRow& row) {
    const IntegerFactor factor = integer_factor(code(step.x).scale / code(step.y).scale, 40);
    row.multiplier = {factor.multiplier};
    row.shift = {static_cast<std::uint8_t>(factor.shift)};
  }

  /// Both inputs in units of the output, by multipliers with one shift.
  void set_sum(const ExportStep& step, ByteRow& row) {
    const double x = code(step.x).scale / code(step.y).scale,
                 shortcut = code(step.shortcut).scale / code(step.y).scale;
    const IntegerFactor larger = integer_factor(std::max(x, shortcut), 62);
    const auto in_its_units = [&](double factor) {
      return static_cast<std::int32_t>(std::min<std::int64_t>(std::llround(std::ldexp(factor, larger.shift)),
                                                              std::numeric_limits<std::int32_t>::max()));
    };
    row.shortcut_zero = code(step.shortcut).zero;
    row.multiplier = {in_its_units(x), in_its_units(shortcut)};
    row.shift = {static_cast<std::uint8_t>(larger.shift)};
  }

  void set_product(const ExportStep& step, ByteRow& row) {
    const IntegerFactor factor =
        integer_factor(code(step.x).scale * code(step.shortcut).scale / code(step.y).scale, 62);
    row.shortcut_zero = code(step.shortcut).zero;
    row.multiplier = {factor.multiplier};
    row.shift = {static_cast<std::uint8_t>(factor.shift)};
  }

  void set_table(const ExportStep& step, ByteRow& row) {
    for (int q = kLow; q <= kHigh; ++q)
      row.weight.push_back(code(step.y).encoded(activation_value(step.activation, code(step.x).decoded(q))));
  }

  void make_input_table() {
    for (std::size_t c = 0; c < plan_.mean.size(); ++c)
      for (int pixel = 0; pixel < 256; ++pixel)
        result_.input_table.push_back(code(0).encoded((pixel / 255.0 - plan_.mean[c]) / plan_.std[c]));
  }

  const ExportPlan& plan_;
  QuantizedPlan result_;
  int last_step_ = -1;
};

}  // namespace

std::int8_t ByteCode::encoded(double number) const {
  return static_cast<std::int8_t>(
      std::clamp(std::round(number / scale) + zero, static_cast<double>(kLow), static_cast<double>(kHigh)));
}

ByteCode code_for(const NumberRange& range) {
  const double low = std::min(range.low, 0.0), high = std::max(range.high, 0.0);
  if (!(high - low > 1e-30)) return {.scale = 1, .zero = kLow};
  const double scale = (high - low) / kSteps;
  return {.scale = scale, .zero = static_cast<int>(std::clamp(std::lround(kLow - low / scale), -128L, 127L))};
}

QuantizedPlan quantize(const ExportPlan& plan, const std::vector<NumberRange>& ranges) {
  return Quantizer(plan, ranges).make();
}

}  // namespace cnn
