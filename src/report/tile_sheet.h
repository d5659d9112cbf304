#pragma once

#include <span>
#include <string>
#include <vector>

#include "report/canvas.h"

namespace cnn {

/// How numbers become colors. All three are safe for the color-blind.
enum class ColorMap {
  grey,       ///< low black, high white
  diverging,  ///< -1 blue, 0 white, 1 red: for numbers with a sign
  ascending,  ///< low dark blue, over green to yellow: for numbers without one
};

/// `value` from 0 (low end) to 1 (high end); beyond them it is the end's color. NaN is magenta.
Color color_of(ColorMap map, double value);

/// The colors of a range of numbers.
struct ColorScale {
  ColorMap map = ColorMap::grey;
  double low = 0, high = 1;
  /// A range of zero width is all in the middle.
  Color operator()(double value) const;
};
/// For these numbers (those that are finite): diverging around zero if there are negative ones, else
/// ascending from zero.
ColorScale scale_for(std::span<const float> values);

/// A small image with a word below it.
struct Tile {
  int height = 0, width = 0;
  std::vector<Color> pixels;  ///< [height][width]
  std::string caption;
};
/// One map of numbers as a tile.
Tile map_tile(std::span<const float> values, int height, int width, const ColorScale& scale,
              std::string caption);

struct TileSheet {
  std::vector<std::string> title;  ///< lines on top; the first one large
  std::vector<Tile> tiles;
  int columns = 8;       ///< at most
  int tile_pixels = 96;  ///< about how large the longer side of a tile becomes: whole steps, up or down
  std::vector<ColorScale> legends;  ///< drawn below, with numbers
};

/// Lays the tiles out in rows, all at the same magnification. At least one tile.
Canvas draw(const TileSheet& sheet);

}  // namespace cnn
