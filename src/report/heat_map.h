#pragma once

#include <string>
#include <vector>

#include "report/axis.h"

namespace cnn {

/// Numbers of things (rows) over time (columns).
struct HeatMap {
  std::string title;
  std::string column_name;  ///< "epoch"
  std::vector<std::string> rows, columns;
  std::vector<std::vector<double>> values;  ///< [row][column]; NaN: none there
  NumberStyle style = NumberStyle::plain;   ///< percent: colors run from 0 to 1, else from least to most
  bool logarithmic = false;  ///< colors in powers of ten; numbers that are not positive are darkest
};

/// Columns that are drawn; a longer time is thinned evenly, first and last included.
inline constexpr std::size_t kMostHeatMapColumns = 60;

/// The map as a <figure> with an inline SVG whose cells tell their value, and the same numbers as a table.
std::string heat_map(const HeatMap& map);

}  // namespace cnn
