#pragma once

#include <string>
#include <vector>

namespace cnn {

/// How numbers of a chart are written.
enum class NumberStyle {
  plain,    ///< a few digits: "0.0312", "1.2e-05"
  percent,  ///< a fraction as "98.3 %"
};

/// The range of a chart with round numbers to mark.
struct Axis {
  double low = 0, high = 1;
  bool logarithmic = false;
  std::vector<double> ticks;

  /// Where a value lies: 0 at low, 1 at high; outside for what lies outside.
  double position(double value) const;
};

/// From and to round numbers so that [low, high] fits: steps of 1, 2 or 5 times a power of ten, about `ticks`
/// of them. A range without extent gets one.
Axis linear_axis(double low, double high, int ticks = 5);

/// The same in powers of ten, for positive numbers: every power is marked, or every second, third, ... if
/// there are many; twos and fives too if there are few.
Axis logarithmic_axis(double low, double high);

/// A number as it stands at an axis or in a hint.
std::string number_text(double value, NumberStyle style);
inline std::string percent(double fraction) { return number_text(fraction, NumberStyle::percent); }

}  // namespace cnn
