#pragma once

#include <string>

#include "report/line_chart.h"
#include "report/terminal.h"

namespace cnn {

/// The first series of a chart as lines of text, as wide as the terminal and `rows` high without title
/// and axis, drawn with the dots of Braille characters, or with stars where there are none. A marked x gets a
/// vertical line.
std::string terminal_chart(const LineChart& chart, const Terminal& terminal, int rows = 14);

}  // namespace cnn
