#pragma once

#include "core/block.h"

namespace cnn {

/// How many values there are, how many of them are above 0, their sum and their sum of squares.
struct ValueStatistics {
  double count = 0, active = 0, sum = 0, sum_of_squares = 0;
};

/// Adds those of the first `images` lanes. The values of a row are added up in float, lane by lane, rows and
/// lanes in double: the error is that of a float sum over one row, the order the same on every instruction
/// set.
void add_statistics(BlockView<const float> x, int images, ValueStatistics& statistics);

}  // namespace cnn
