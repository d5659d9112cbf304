#pragma once

#include <string>
#include <vector>

#include "report/axis.h"

namespace cnn {

/// One line of a chart.
struct Series {
  std::string name;
  std::vector<double> y;  ///< one number for each x; NaN: none there
};

/// Lines over a common x.
struct LineChart {
  std::string title;
  std::string x_name;     ///< "epoch"
  std::vector<double> x;  ///< ascending
  std::vector<Series> series;
  NumberStyle style = NumberStyle::plain;
  bool x_logarithmic = false, y_logarithmic = false;  ///< a logarithmic axis needs positive numbers
  double marked_x = 0;                                ///< with a mark_text: a vertical line there
  std::string mark_text;
};

/// The chart as a <figure> with an inline SVG: a line for each series, a legend, and for every x (or every
/// group of neighbors, if there are many) an area that tells its values, with a pointer, with the arrow keys,
/// and as a title where there is no script.
std::string line_chart(const LineChart& chart);

}  // namespace cnn
