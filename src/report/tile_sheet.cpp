#include "report/tile_sheet.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"

namespace cnn {
namespace {

constexpr int kMargin = 14, kGap = 10, kTitleScale = 2;
constexpr int kLegendHeight = 12, kLegendWidth = 300;

/// Between neighbors of a list of colors at equal distances.
template <std::size_t N>
Color blend(const std::array<Color, N>& stops, double value) {
  const double place = std::clamp(value, 0.0, 1.0) * (N - 1);
  const auto before = std::min(static_cast<std::size_t>(place), N - 2);
  const double part = place - static_cast<double>(before);
  const auto mix = [&](std::uint8_t a, std::uint8_t b) {
    return static_cast<std::uint8_t>(std::lround(a + (b - a) * part));
  };
  const Color &a = stops[before], &b = stops[before + 1];
  return {mix(a.r, b.r), mix(a.g, b.g), mix(a.b, b.b)};
}

/// How pixels of a tile become pixels of the sheet: each becomes zoom x zoom, or shrink x shrink become one.
struct Magnification {
  int zoom = 1, shrink = 1;
  int operator()(int pixels) const { return (pixels + shrink - 1) / shrink * zoom; }
};

Magnification magnification(const TileSheet& sheet) {
  int longest = 1;
  for (const Tile& tile : sheet.tiles) longest = std::max({longest, tile.height, tile.width});
  Magnification m;
  m.zoom = std::max(1, sheet.tile_pixels / longest);
  while (m(longest) > 2 * sheet.tile_pixels) ++m.shrink;
  return m;
}

/// The mean of the shrink x shrink pixels that begin at (x, y).
Color pixel_of(const Tile& tile, int x, int y, int shrink) {
  const int right = std::min(x + shrink, tile.width), bottom = std::min(y + shrink, tile.height);
  int r = 0, g = 0, b = 0;
  for (int row = y; row < bottom; ++row)
    for (int column = x; column < right; ++column) {
      const Color& c = tile.pixels[static_cast<std::size_t>(row * tile.width + column)];
      r += c.r, g += c.g, b += c.b;
    }
  const int count = (right - x) * (bottom - y);
  const auto mean = [&](int sum) { return static_cast<std::uint8_t>((sum + count / 2) / count); };
  return {mean(r), mean(g), mean(b)};
}

void draw_tile(Canvas& canvas, const Tile& tile, int x, int y, int cell_width, const Magnification& m) {
  CNN_CHECK(
      tile.pixels.size() == static_cast<std::size_t>(tile.height) * static_cast<std::size_t>(tile.width),
      "{} pixels of {}x{}", tile.pixels.size(), tile.height, tile.width);
  const int width = m(tile.width), height = m(tile.height);
  canvas.frame(x - 1, y - 1, width + 2, height + 2, kRule);
  for (int row = 0; row < height / m.zoom; ++row)
    for (int column = 0; column < width / m.zoom; ++column)
      canvas.fill(x + column * m.zoom, y + row * m.zoom, m.zoom, m.zoom,
                  pixel_of(tile, column * m.shrink, row * m.shrink, m.shrink));
  canvas.text(x, y + height + 4, Canvas::shortened(tile.caption, cell_width), kInk);
}

void draw_legend(Canvas& canvas, const ColorScale& scale, int x, int y, int width) {
  for (int i = 0; i < width; ++i)
    canvas.fill(x + i, y, 1, kLegendHeight, color_of(scale.map, static_cast<double>(i) / (width - 1)));
  canvas.frame(x - 1, y - 1, width + 2, kLegendHeight + 2, kRule);
  for (const double place : {0.0, 0.5, 1.0}) {
    const std::string number = fmt::format("{:.3g}", scale.low + place * (scale.high - scale.low));
    const int at = x + static_cast<int>(place * (width - 1)), half = Canvas::text_width(number) / 2;
    canvas.fill(at, y + kLegendHeight + 1, 1, 3, kSoftInk);
    canvas.text(std::clamp(at - half, x, x + width - 2 * half), y + kLegendHeight + 6, number, kInk);
  }
}

}  // namespace

Color color_of(ColorMap map, double value) {
  static constexpr std::array<Color, 5> kDiverging{
      {{33, 102, 172}, {146, 197, 222}, {247, 247, 247}, {244, 165, 130}, {178, 24, 43}}};
  static constexpr std::array<Color, 5> kAscending{
      {{68, 1, 84}, {59, 82, 139}, {33, 145, 140}, {94, 201, 98}, {253, 231, 37}}};
  static constexpr std::array<Color, 2> kGrey{{{0, 0, 0}, {255, 255, 255}}};
  if (std::isnan(value)) return {255, 0, 255};
  switch (map) {
    case ColorMap::diverging:
      return blend(kDiverging, value);
    case ColorMap::ascending:
      return blend(kAscending, value);
    case ColorMap::grey:
      break;
  }
  return blend(kGrey, value);
}

Color ColorScale::operator()(double value) const {
  return color_of(map, high > low ? (value - low) / (high - low) : std::isnan(value) ? value : 0.5);
}

ColorScale scale_for(std::span<const float> values) {
  double low = 0, high = 0;
  for (const float v : values)
    if (std::isfinite(v)) low = std::min(low, double{v}), high = std::max(high, double{v});
  if (low == 0) return {ColorMap::ascending, 0, high};
  const double reach = std::max(-low, high);
  return {ColorMap::diverging, -reach, reach};
}

Tile map_tile(std::span<const float> values, int height, int width, const ColorScale& scale,
              std::string caption) {
  Tile tile{.height = height, .width = width, .pixels = {}, .caption = std::move(caption)};
  tile.pixels.reserve(values.size());
  for (const float v : values) tile.pixels.push_back(scale(v));
  return tile;
}

Canvas draw(const TileSheet& sheet) {
  CNN_CHECK(!sheet.tiles.empty() && sheet.columns >= 1, "{} tiles in {} columns", sheet.tiles.size(),
            sheet.columns);
  const Magnification m = magnification(sheet);
  int tile_width = 1, tile_height = 1, caption_width = 0;
  for (const Tile& tile : sheet.tiles) {
    tile_width = std::max(tile_width, m(tile.width));
    tile_height = std::max(tile_height, m(tile.height));
    caption_width = std::max(caption_width, Canvas::text_width(tile.caption));
  }
  // A caption may be half as wide again as its tile, or a little more than a narrow one; then it is cut.
  const int cell_width = std::max(tile_width, std::min(caption_width, std::max(72, tile_width * 3 / 2)));
  const int caption_height = caption_width > 0 ? Canvas::kTextHeight + 4 : 0;
  const int count = static_cast<int>(sheet.tiles.size()), columns = std::min(sheet.columns, count);
  const int rows = (count + columns - 1) / columns;

  int width = columns * (cell_width + kGap) - kGap, title_height = 0;
  for (std::size_t i = 0; i < sheet.title.size(); ++i) {
    const int scale = i == 0 ? kTitleScale : 1;
    width = std::max(width, Canvas::text_width(sheet.title[i], scale));
    title_height += Canvas::kTextHeight * scale + 4;
  }
  const int legend_width = std::clamp(width / 2, 120, kLegendWidth);
  const int legend_block = kLegendHeight + Canvas::kTextHeight + kGap + 8;
  width = std::max(width, sheet.legends.empty() ? 0 : legend_width);
  const int row_height = tile_height + caption_height + kGap;
  Canvas canvas(width + 2 * kMargin, 2 * kMargin + title_height + kGap + rows * row_height +
                                         static_cast<int>(sheet.legends.size()) * legend_block);
  int y = kMargin;
  for (std::size_t i = 0; i < sheet.title.size(); ++i) {
    const int scale = i == 0 ? kTitleScale : 1;
    canvas.text(kMargin, y, sheet.title[i], i == 0 ? kInk : kSoftInk, scale);
    y += Canvas::kTextHeight * scale + 4;
  }
  y += kGap;
  for (int i = 0; i < count; ++i)
    draw_tile(canvas, sheet.tiles[static_cast<std::size_t>(i)], kMargin + i % columns * (cell_width + kGap),
              y + i / columns * row_height, cell_width, m);
  y += rows * row_height;
  for (const ColorScale& scale : sheet.legends) {
    draw_legend(canvas, scale, kMargin, y, legend_width);
    y += legend_block;
  }
  return canvas;
}

}  // namespace cnn
