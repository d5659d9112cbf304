#include "inspect/visible_image.h"

#include <algorithm>
#include <cmath>

namespace cnn {

Tile visible_tile(BlockView<const float> x, int lane, const VisibleRange& range, std::string caption) {
  const int channels = x.c == 3 ? 3 : 1;
  std::vector<double> values;
  values.reserve(static_cast<std::size_t>(channels * x.h * x.w));
  for (int h = 0; h < x.h; ++h)
    for (int w = 0; w < x.w; ++w)
      for (int c = 0; c < channels; ++c) {
        const auto channel = static_cast<std::size_t>(c);
        values.push_back(double{x.at(c, h, w)[lane]} * range.std[channel] + range.mean[channel]);
      }
  double low = 0, high = 1;
  for (const double v : values) {
    // Rounding may carry a byte's 0 or 255 a little beyond the ends: no reason to stretch.
    if (std::isfinite(v) && v < -1e-3) low = std::min(low, v);
    if (std::isfinite(v) && v > 1 + 1e-3) high = std::max(high, v);
  }
  const auto level = [&](double v) {
    if (!std::isfinite(v)) v = low;
    return static_cast<std::uint8_t>(std::lround(255 * std::clamp((v - low) / (high - low), 0.0, 1.0)));
  };
  Tile tile{.height = x.h, .width = x.w, .pixels = {}, .caption = std::move(caption)};
  for (std::size_t i = 0; i < values.size(); i += static_cast<std::size_t>(channels)) {
    const double* v = &values[i];
    tile.pixels.push_back(channels == 3 ? Color{level(v[0]), level(v[1]), level(v[2])}
                                        : Color{level(v[0]), level(v[0]), level(v[0])});
  }
  return tile;
}

}  // namespace cnn
