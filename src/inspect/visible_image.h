#pragma once

#include <string>
#include <vector>

#include "core/block.h"
#include "report/tile_sheet.h"

namespace cnn {

/// How values that a network reads become brightness again: the inverse of the normalization, per channel.
struct VisibleRange {
  std::vector<double> mean, std;
};

/// One lane of a block of inputs as a tile: one channel grey, three in color; of other numbers the first
/// channel. Values that leave 0..1 (float data that is not an image) are stretched into it, the whole image
/// alike.
Tile visible_tile(BlockView<const float> x, int lane, const VisibleRange& range, std::string caption);

}  // namespace cnn
