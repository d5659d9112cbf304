#include "report/axis.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "core/text.h"

namespace cnn {
namespace {

/// The largest of 1, 2, 5 times a power of ten that is at most a little above `size`.
double round_step(double size) {
  const double power = std::pow(10.0, std::floor(std::log10(size)));
  const double share = size / power;
  return power * (share < 1.5 ? 1 : share < 3.5 ? 2 : share < 7.5 ? 5 : 10);
}

}  // namespace

double Axis::position(double value) const {
  if (logarithmic) return std::log(value / low) / std::log(high / low);
  return (value - low) / (high - low);
}

Axis linear_axis(double low, double high, int ticks) {
  if (!(high > low)) {
    const double extent = low == 0 ? 1 : std::abs(low) / 2;
    low -= extent / 2, high += extent / 2;
  }
  const double step = round_step((high - low) / ticks);
  const double first = std::floor(low / step + 1e-9), last = std::ceil(high / step - 1e-9);
  Axis axis{.low = first * step, .high = last * step, .ticks = {}};
  for (double k = first; k <= last; ++k) axis.ticks.push_back(k * step);
  return axis;
}

Axis logarithmic_axis(double low, double high) {
  const double first = std::floor(std::log10(low) + 1e-9), last = std::ceil(std::log10(high) - 1e-9);
  Axis axis{.low = low, .high = std::max(high, low * 1.01), .logarithmic = true, .ticks = {}};
  const double decades = last - first, step = std::max(1.0, std::ceil(decades / 6));
  for (double k = first; k <= last; ++k)
    for (const double digit : {1.0, 2.0, 5.0}) {
      const double tick = digit * std::pow(10.0, k);
      const bool wanted = digit == 1 ? std::fmod(k - first, step) == 0 : decades <= 2;
      if (wanted && tick >= axis.low * (1 - 1e-9) && tick <= axis.high * (1 + 1e-9))
        axis.ticks.push_back(tick);
    }
  return axis;
}

std::string number_text(double value, NumberStyle style) {
  if (std::isnan(value)) return "";
  if (style == NumberStyle::percent) {
    std::string text = fmt::format("{:.2f}", 100 * value);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
    return text + " %";
  }
  if (std::abs(value) >= 1e4 && std::abs(value) < 1e12) return with_commas(std::llround(value));
  // Rounding errors of ticks go, digits that tell something stay.
  return fmt::format("{:.4g}", std::abs(value) < 1e-12 ? 0.0 : value);
}

}  // namespace cnn
