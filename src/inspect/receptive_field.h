#pragma once

#include <cstdint>
#include <vector>

#include "nn/network.h"

namespace cnn {

/// Which pixels of the image an output value reads, through all layers before it.
struct SeenPixels {
  int height = 0, width = 0;
  std::vector<bool> seen;                 ///< [height][width]
  int output_row = 0, output_column = 0;  ///< of the output; of a vector, its number in output_column

  std::int64_t count() const;
};

/// For a value in the middle of the output of a layer (its number in network.layers()), or in the corner of
/// row 0 and column 0.
enum class OutputPlace { middle, corner };
SeenPixels pixels_seen(const Network& network, int row, OutputPlace place);

}  // namespace cnn
